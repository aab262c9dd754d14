export { type RoundsReport, type StudyProgress, studyRounds } from './rounds.ts';
