/** Pressed for longer than this, a key is held: what it did ends with it. */
const heldMs = 350;

/**
 * One key that does something while it is held and something else when it is tapped. By the place of the key on the
 * keyboard, since the character is another once Shift is let go.
 */
export class HeldKey {
  private code = "";
  private since = 0;

  /** True for the first event of a press; a held key goes on sending them. */
  down(code: string, at: number): boolean {
    if (this.code === code) return false;
    this.code = code;
    this.since = at;
    return true;
  }

  /** How the press ended; null where it was another key's. */
  up(code: string, at: number): "tapped" | "held" | null {
    if (this.code === "" || this.code !== code) return null;
    this.code = "";
    return at - this.since < heldMs ? "tapped" : "held";
  }

  /** The window lost the keyboard, and with it the end of the press. True where the key was pressed. */
  lost(): boolean {
    const was = this.code !== "";
    this.code = "";
    return was;
  }
}
