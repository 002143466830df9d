declare module "dcmjs" {
  /** A loglevel logger. */
  export const log: { setLevel(level: "silent" | "error" | "warn", persist: boolean): void };
}
