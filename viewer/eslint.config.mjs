import nextVitals from "eslint-config-next/core-web-vitals";
import nextTypescript from "eslint-config-next/typescript";

const onlyCornerstoneRoom = {
  group: ["@cornerstonejs/*"],
  message: "Only lib/cornerstone calls Cornerstone. Add what you need there.",
};

const config = [
  { ignores: [".next/", "out/", "node_modules/", "next-env.d.ts", "lib/generated/"] },
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
    files: ["app/**", "components/**", "lib/*.ts"],
    rules: { "no-restricted-imports": ["error", { patterns: [onlyCornerstoneRoom] }] },
  },
  {
    files: ["app/**", "components/**", "lib/**"],
    ignores: ["lib/http.ts", "lib/api.ts", "lib/dicomweb.ts", "lib/session.ts"],
    rules: {
      "no-restricted-globals": [
        "error",
        { name: "fetch", message: "Call the node through lib/api.ts or lib/dicomweb.ts." },
        { name: "EventSource", message: "Call the node through lib/api.ts." },
        { name: "XMLHttpRequest", message: "Call the node through lib/api.ts." },
      ],
    },
  },
  { files: ["scripts/**"], rules: { "no-console": "off" } },
];

export default config;
