export { selectDay } from './day.ts';
export { dayGrid, slotsAllowed } from './day-grid.ts';
export { generatedHomesMax } from './generator.ts';
export { homeProblem } from './home-problem.ts';
export { loadNeighbourhood } from './load.ts';
export { type History, type HistoryClock, type HistoryCorrections, readHistory } from './read-history.ts';
export type * from './types.ts';
