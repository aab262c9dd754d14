import { inner } from '../consensus/inner.ts';
export const passesTheFrontDoor = inner;
