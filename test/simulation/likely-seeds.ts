export const LIKELY_SEEDS: Readonly<Record<string, number>> = {};
