/** Overlays that lay in bits of the pixels, by image and group, from when the image was loaded. */
class OverlayBits {
  private readonly bits = new Map<string, ReadonlyMap<string, Uint8Array>>();

  set(imageId: string, byGroup: ReadonlyMap<string, Uint8Array>): void {
    this.bits.set(imageId, byGroup);
  }

  of(imageId: string, group: string): Uint8Array | null {
    return this.bits.get(imageId)?.get(group) ?? null;
  }

  clear(): void {
    this.bits.clear();
  }
}

export const overlayBits = new OverlayBits();
