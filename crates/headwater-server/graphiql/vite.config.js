import { defineConfig } from 'vite';

export default defineConfig({
  base: '/graphiql/',
  build: {
    outDir: 'dist',
    emptyOutDir: true,
    // Everything is of this origin and small files are not inlined, so that one policy covers them.
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 16000,
    modulePreload: { polyfill: false },
    target: 'es2022',
  },
  worker: { format: 'es' },
});
