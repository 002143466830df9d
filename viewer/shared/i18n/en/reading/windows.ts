/** Window presets of a person. */
export const windows = {
  ownWindows: {
    edit: "Own presets…",
    title: (modality: string) => `Own presets for ${modality}`,
    remove: (name: string) => `Remove preset ${name}`,
    keep: (window: string) => `Keep ${window} as`,
  },
};
