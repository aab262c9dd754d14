import { inner } from '../consensus/inner.ts';
export const sideways = inner;
