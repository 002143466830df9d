import { CobbAngleTool } from "@cornerstonejs/tools";

/** The angle of two lines that need not meet, from the beginning of each to its end: 0 to 180°. */
export class LinesAngleTool extends CobbAngleTool {
  static toolName = "AngleBetweenLines";
}
