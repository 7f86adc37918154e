// Builds ../static from src: the same bytes from the same sources, wherever it runs.
import { build } from "esbuild";
import { createHash } from "node:crypto";
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";

const here = import.meta.dirname;
const out = process.argv[2] ?? join(here, "../static");

rmSync(out, { recursive: true, force: true });
mkdirSync(join(out, "fonts"), { recursive: true });
copyFileSync(join(here, "src/index.html"), join(out, "index.html"));
copyFileSync(join(here, "src/icon.svg"), join(out, "icon.svg"));
const inter = join(here, "node_modules/@fontsource-variable/inter");
copyFileSync(join(inter, "files/inter-latin-wght-normal.woff2"), join(out, "fonts/inter-latin.woff2"));
copyFileSync(join(inter, "LICENSE"), join(out, "fonts/OFL.txt"));

await build({
  absWorkingDir: here,
  entryPoints: { app: "src/main.tsx", style: "src/styles/all.css" },
  outdir: out,
  bundle: true,
  format: "esm",
  target: ["es2022", "chrome123", "firefox121", "safari17.5"],
  minify: true,
  charset: "utf8",
  legalComments: "none",
  jsx: "automatic",
  jsxImportSource: "preact",
  external: ["./fonts/*"],
  logLevel: "warning",
});

// Which sources this was made from; a test compares it where Node is not at hand.
const hash = createHash("sha256");
for (const file of ["build.mjs", "package-lock.json", ...sources(join(here, "src"))].sort()) {
  hash
    .update(`${file}\0`)
    .update(readFileSync(join(here, file)))
    .update("\0");
}
writeFileSync(join(out, "sources.sha256"), `${hash.digest("hex")}\n`);

function sources(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(here, join(entry.parentPath, entry.name)).replaceAll("\\", "/"));
}
