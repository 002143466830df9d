import { cursors, LabelTool } from "@cornerstonejs/tools";

type Ask = (done: (text: string) => void) => void;

let ask: Ask = (done) => done("");

/** Who asks for the text that was placed; nothing for an answer takes it away again. Returns how to end it. */
export function asksForText(by: Ask): () => void {
  ask = by;
  return () => {
    ask = (done) => done("");
  };
}

export function askForText(done: (text: string) => void): void {
  ask((text) => done(text.trim()));
}

/** Text at a point of an image. Cornerstone's own leaves the pointer hidden where none is given. */
export class FreeTextTool extends LabelTool {
  constructor(...given: ConstructorParameters<typeof LabelTool>) {
    super(...given);
    const add = this.addNewAnnotation;
    this.addNewAnnotation = (event) => {
      const made = add(event);
      cursors.elementCursor.resetElementCursor(event.detail.element);
      return made;
    };
  }
}
