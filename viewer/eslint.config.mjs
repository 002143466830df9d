import nextVitals from "eslint-config-next/core-web-vitals";
import nextTypescript from "eslint-config-next/typescript";

const onlyCornerstoneRoom = {
  group: ["@cornerstonejs/*"],
  message: "Only viewer/cornerstone calls Cornerstone. Add what you need there.",
};

const config = [
  { ignores: [".next/", "out/", "out.new/", "node_modules/", "next-env.d.ts", "shared/api/generated/"] },
  ...nextVitals,
  ...nextTypescript,
  {
    rules: {
      "no-console": "error",
      eqeqeq: "error",
      "@typescript-eslint/no-explicit-any": "error",
      "@typescript-eslint/consistent-type-imports": "error",
    },
  },
  {
    files: ["app/**", "features/**", "shared/**", "dicom/**"],
    rules: { "no-restricted-imports": ["error", { patterns: [onlyCornerstoneRoom] }] },
  },
  {
    files: ["app/**", "features/**", "shared/**", "dicom/**", "cornerstone/**"],
    ignores: ["shared/api/*.ts", "dicom/dicomweb.ts"],
    rules: {
      "no-restricted-globals": [
        "error",
        { name: "fetch", message: "Call the node through shared/api/api.ts or dicom/dicomweb.ts." },
        { name: "EventSource", message: "Call the node through shared/api/api.ts." },
        { name: "XMLHttpRequest", message: "Call the node through shared/api/api.ts." },
      ],
    },
  },
  { files: ["scripts/**"], rules: { "no-console": "off" } },
];

export default config;
