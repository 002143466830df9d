import { sharing } from "./sharing";
import { spyglass } from "./spyglass";
import { windows } from "./windows";

export const reading = { ...windows, sharing, spyglass };
