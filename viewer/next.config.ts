import type { NextConfig } from "next";

const config: NextConfig = {
  output: "export",
  images: { unoptimized: true },
  trailingSlash: true,
  // Strict mode mounts effects twice in development; a WebGL engine must be made once.
  reactStrictMode: false,
  poweredByHeader: false,
  webpack: (webpackConfig, { isServer }) => {
    if (!isServer) {
      // The image codecs name these for node; a browser never reaches that code.
      webpackConfig.resolve.fallback = { ...webpackConfig.resolve.fallback, fs: false, path: false };
    }
    return webpackConfig;
  },
};

export default config;
