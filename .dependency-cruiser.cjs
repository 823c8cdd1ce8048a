/** Import rules that the compiler does not check: no cycles, packages only through their entry point. */
module.exports = {
  forbidden: [
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'gateway-knows-no-models',
      severity: 'error',
      from: { path: '^services/gateway' },
      to: { path: '^(packages/(inference|segmentation|bundle-builder)|node_modules/(onnxruntime-node|sharp))' },
    },
    {
      name: 'worker-speaks-no-http',
      severity: 'error',
      from: { path: '^services/worker' },
      to: { path: '^(services/gateway|node_modules/fastify)' },
    },
  ],
  options: {
    doNotFollow: { path: '(node_modules|dist)' },
    exclude: { path: '/dist/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.base.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['types', 'import', 'default'] },
  },
};
