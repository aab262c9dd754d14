import { sideways } from '../drivers/sideways.ts';
export const across = sideways;
