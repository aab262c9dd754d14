export { renderAccuracyTable } from './accuracy-table.ts';
export { renderChart } from './chart.ts';
export { renderConvergence } from './convergence.ts';
export { type Fact, renderFacts } from './facts.ts';
export { type Look, lookOf } from './look.ts';
export { createProgress, type Progress } from './progress.ts';
export { money, renderHomeTable } from './table.ts';
