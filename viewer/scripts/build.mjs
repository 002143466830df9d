// Runs `next build` with an end in sight: a build that hangs leaves child processes behind,
// so it runs in a process group of its own and the whole group is ended when time is up.
// It writes to out.new: a node may be serving the build before from out meanwhile.
import { spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const limitSeconds = Number(process.env.VIEWER_BUILD_TIMEOUT_S ?? 900);
const nextCommand = createRequire(import.meta.url).resolve("next/dist/bin/next");
const folder = "out.new";
const out = join(root, folder);

rmSync(out, { recursive: true, force: true });

const child = spawn(process.execPath, [nextCommand, "build", "--webpack"], {
  cwd: root,
  stdio: ["ignore", "inherit", "inherit"],
  detached: true,
  env: { ...process.env, NEXT_TELEMETRY_DISABLED: "1", NODE_ENV: "production", VIEWER_OUT: folder },
});

function endGroup(signal) {
  try {
    process.kill(-child.pid, signal);
  } catch (error) {
    if (error.code !== "ESRCH") throw error;
  }
}

const timer = setTimeout(() => {
  console.error(`The build did not end within ${limitSeconds} s and was stopped. Run it again, or raise VIEWER_BUILD_TIMEOUT_S.`);
  endGroup("SIGKILL");
  process.exit(1);
}, limitSeconds * 1000);

for (const signal of ["SIGINT", "SIGTERM"]) {
  process.on(signal, () => {
    endGroup(signal);
    process.exit(1);
  });
}

const compressible = /\.(js|css|html|txt|svg|wasm|json)$/;
const leastBytes = 1024;

/** Lays `name.gz` beside each file that it makes smaller: the node sends that to who takes it. */
function compress() {
  for (const entry of readdirSync(out, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !compressible.test(entry.name)) continue;
    const path = join(entry.parentPath, entry.name);
    const plain = readFileSync(path);
    const packed = gzipSync(plain, { level: 9 });
    if (plain.length >= leastBytes && packed.length < plain.length) writeFileSync(`${path}.gz`, packed);
  }
}

/** Names the reader's code in its page, so that it is fetched beside the page's own scripts. */
function preload() {
  const parts = JSON.parse(readFileSync(join(root, ".next", "react-loadable-manifest.json"), "utf8"));
  const files = Object.entries(parts).find(([from]) => from.startsWith("app/study/page.tsx "))?.[1].files ?? [];
  if (files.length === 0) throw new Error("The build names no code of the reader.");
  const path = join(out, "study", "index.html");
  const page = readFileSync(path, "utf8");
  const links = files.map((file) => `<link rel="preload" as="script" href="/_next/${file}"/>`).join("");
  writeFileSync(path, page.replace("</head>", `${links}</head>`));
}

child.on("exit", (code, signal) => {
  clearTimeout(timer);
  endGroup("SIGKILL");
  if (code !== 0) {
    console.error(`The build failed (${signal ?? `exit status ${code}`}).`);
    process.exit(code ?? 1);
  }
  if (!existsSync(join(out, "index.html"))) {
    console.error(`The build ended without writing ${folder}/index.html.`);
    process.exit(1);
  }
  preload();
  compress();
  process.exit(0);
});
