// Bundles src/main.tsx for a browser: OUT, and beside it its style sheet.
import { createRequire } from 'node:module';

import { build } from 'esbuild';

const require = createRequire(import.meta.url);

/** The libraries ask for two routers under one name: the scenes' is the newer one, and what bridges to the older has both. */
const routers = {
  name: 'routers',
  setup(build) {
    build.onResolve({ filter: /^react-router-dom$/ }, ({ importer }) => {
      const bridges = importer.includes('react-router-dom-v5-compat');
      return { path: require.resolve(bridges ? 'react-router-dom' : 'react-router-dom-v5-compat') };
    });
  },
};

await build({
  entryPoints: ['src/main.tsx'],
  bundle: true,
  outfile: process.argv[2],
  format: 'iife',
  target: 'chrome120',
  jsx: 'automatic',
  define: { 'process.env.NODE_ENV': '"production"', global: 'window' },
  alias: { '@grafana/assistant': './src/empty.ts' },
  plugins: [routers],
  loader: { '.svg': 'dataurl', '.png': 'dataurl', '.woff': 'dataurl', '.woff2': 'dataurl', '.ttf': 'dataurl' },
  logLevel: 'warning',
});
