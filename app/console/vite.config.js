import { fileURLToPath } from 'node:url';

import { defineConfig } from 'vite';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  // The server hands the pages out at /, /graphql and /voyager, and dist/assets at /console/assets.
  base: '/console/',
  build: {
    // A data: URL would need a hole in the Content-Security-Policy (font-src data:).
    assetsInlineLimit: 0,
    // Monaco alone is above the default of 500 kB.
    chunkSizeWarningLimit: 5000,
    // The bundle is redistributed in the wheel, so its parts' licences go with it.
    license: { fileName: 'THIRD_PARTY_LICENSES.md' },
    modulePreload: { polyfill: false },
    rolldownOptions: {
      // "use client" in React packages concerns servers, not this bundle.
      checks: { moduleLevelDirective: false },
      input: [here('./index.html'), here('./graphql.html'), here('./voyager.html')],
    },
    target: 'es2022',
  },
});
