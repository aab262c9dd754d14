export { type DemoEvent, liveDay } from './conductor.ts';
export { houseOf } from './house.ts';
export { reportOf } from './report.ts';
export { centralisedCost } from './yardstick.ts';
