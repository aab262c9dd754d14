export { type RoundsReport, studyRounds } from './rounds.ts';
