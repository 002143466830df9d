/** A loader of webpack: dcmjs has a copy of ndarray within it, which `cornerstone/masks/matrix.js` replaces. */
// eslint-disable-next-line @typescript-eslint/no-require-imports -- webpack reads loaders as CommonJS.
const path = require("node:path");

const ours = JSON.stringify(path.resolve(__dirname, "../cornerstone/masks/matrix.js"));
const theirs = "var ndarray = /*@__PURE__*/getDefaultExportFromCjs(ndarrayExports);";

module.exports = function replaceMatrices(source) {
  if (!source.includes(theirs)) throw new Error("dcmjs has no ndarray where it was: look at scripts/dcmjsMatrices.cjs.");
  return source.replace(theirs, `import ndarray from ${ours};`);
};
