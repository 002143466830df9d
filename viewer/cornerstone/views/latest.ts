/** Of several that are begun one after the other, and wait, the one that was begun last. */
export class Latest {
  private number = 0;

  /** Ends what was begun before. Says from then on whether this has been ended. */
  begin(): () => boolean {
    this.number += 1;
    const { number } = this;
    return () => this.number !== number;
  }

  end(): void {
    this.number += 1;
  }
}
