/**
 * A stand-in for a forecast in studies: the day's true profile with a stated error. Each slot is off by its
 * own normal draw with standard deviation `relativeError` times the true value, and never below zero.
 * The same seed gives the same forecast.
 */
export function profileForecast(options: {
  readonly trueKw: ArrayLike<number>;
  readonly relativeError: number;
  /** An integer; its low 32 bits count. */
  readonly seed: number;
}): Float64Array {
  const uniform = seededUniform(options.seed);
  return Float64Array.from(options.trueKw, (kw) =>
    Math.max(0, kw * (1 + options.relativeError * standardNormal(uniform))),
  );
}

/** Box and Muller's transform of two uniform draws. */
function standardNormal(uniform: () => number): number {
  const radius = Math.sqrt(-2 * Math.log(1 - uniform()));
  return radius * Math.cos(2 * Math.PI * uniform());
}

/** Mulberry32: 32 bits of state, uniform in [0, 1). */
function seededUniform(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
