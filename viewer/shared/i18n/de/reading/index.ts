import { inStep, ofPatient } from "./inStep";
import { sharing } from "./sharing";
import { spyglass } from "./spyglass";
import { trueSize } from "./trueSize";
import { windows } from "./windows";

export const reading = { ...windows, inStep, ofPatient, sharing, spyglass, trueSize };
