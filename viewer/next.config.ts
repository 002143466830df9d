import path from "node:path";

import type { NextConfig } from "next";

// `make dev`: pages are made by Next's development server, which asks the node for everything else.
const node = process.env.NODE_ENV === "development" ? process.env.MEDIVIEW_NODE : undefined;
const passedOn = ["api", "dicom-web", "fhir", "fhircast", "health"];

const config: NextConfig = {
  ...(node
    ? {
        // Events of the node come one by one, and its addresses have no slash at their end.
        compress: false,
        skipTrailingSlashRedirect: true,
        rewrites: async () =>
          passedOn.flatMap((name) => [
            { source: `/${name}`, destination: `${node}/${name}` },
            { source: `/${name}/:rest*`, destination: `${node}/${name}/:rest*` },
          ]),
      }
    : // Of an export it names the folder of the pages; what is built on the way stays in .next.
      { output: "export" as const, distDir: process.env.VIEWER_OUT ?? ".next" }),
  images: { unoptimized: true },
  // The server's code makes the pages once, and is no part of the export.
  experimental: { serverMinification: false },
  trailingSlash: true,
  // Strict mode mounts effects twice in development; a WebGL engine must be made once.
  reactStrictMode: false,
  poweredByHeader: false,
  // `npm run typecheck` does it, side by side with the build.
  typescript: { ignoreBuildErrors: true },
  webpack: (webpackConfig, { isServer }) => {
    if (!isServer) {
      // The image codecs name these for node; a browser never reaches that code.
      webpackConfig.resolve.fallback = { ...webpackConfig.resolve.fallback, fs: false, path: false };
    }
    webpackConfig.resolve.alias = {
      ...webpackConfig.resolve.alias,
      ndarray$: path.resolve("cornerstone/masks/matrix.js"),
    };
    webpackConfig.module.rules.push({
      test: /dcmjs[\\/]build[\\/]dcmjs\.es\.js$/,
      use: [{ loader: path.resolve("scripts/dcmjsMatrices.cjs") }],
    });
    // A machine that builds once writes nothing down for a second build.
    if (process.env.CI) webpackConfig.cache = false;
    return webpackConfig;
  },
};

export default config;
