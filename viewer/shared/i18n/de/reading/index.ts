import { drawings } from "./drawings";
import { inStep, ofPatient } from "./inStep";
import { sharing } from "./sharing";
import { spyglass } from "./spyglass";
import { stackSlab } from "./stackSlab";
import { trueSize } from "./trueSize";
import { windows } from "./windows";

export const reading = { ...windows, ...drawings, inStep, ofPatient, sharing, spyglass, stackSlab, trueSize };
