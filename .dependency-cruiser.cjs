/** The house: agent -> {drivers, optimizer, consensus}; those three know neither each other nor agent. */
const layers = ['consensus', 'drivers', 'optimizer'];
const forbidden = layers.map((layer) => ({
  name: `${layer}-knows-only-itself`,
  comment: `${layer}/ imports neither agent/ nor the other two.`,
  severity: 'error',
  from: { path: `(^|/)${layer}/` },
  to: {
    path: `(^|/)(${['agent', ...layers.filter((other) => other !== layer)].join('|')})/[^/]+`,
    pathNot: 'node_modules',
  },
}));

module.exports = {
  forbidden: [
    ...forbidden,
    {
      name: 'enter-by-the-front-door',
      comment: 'Another folder is entered through its index.ts.',
      severity: 'error',
      from: { path: '(^|/)agent/' },
      to: { path: '(^|/)(consensus|drivers|optimizer)/', pathNot: ['(^|/)index\\.ts$', 'node_modules'] },
    },
    {
      name: 'pure-cores',
      comment: 'optimizer/ and the cores of consensus/ do no I/O.',
      severity: 'error',
      from: { path: '(^|/)(optimizer/|consensus/(contract|chain|protocol|network)/)' },
      to: { dependencyTypes: ['core'] },
    },
    { name: 'no-circles', severity: 'error', from: {}, to: { circular: true } },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: 'optimizer/(qp|prosumer)/assembly' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.base.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default'] },
  },
};
