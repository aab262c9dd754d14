/** Numbers in [0, 1), always the same for the same seed and labels. */
export type RandomStream = () => number;

/**
 * A stream of its own for every purpose: drawing one more number for one home changes no other home.
 * The labels are hashed by FNV-1a into the state of sfc32 (Chris Doty-Humphrey, PractRand), whose first
 * fifteen outputs are thrown away, as its author does. Not for secrets.
 */
export function randomStream(seed: number, ...labels: readonly string[]): RandomStream {
  const text = [String(seed), ...labels].join('\u0000');
  let a = hash(text, 0x811c9dc5);
  let b = hash(text, 0x9e3779b9);
  let c = hash(text, 0x85ebca6b);
  let counter = 1;
  const next = (): number => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return (sum >>> 0) / 2 ** 32;
  };
  for (let i = 0; i < 15; i += 1) next();
  return next;
}

export function uniform(random: RandomStream, from: number, to: number): number {
  return from + (to - from) * random();
}

/** Standard normal by Box and Muller. */
export function normal(random: RandomStream): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

function hash(text: string, basis: number): number {
  let state = basis;
  for (let i = 0; i < text.length; i += 1) {
    state = Math.imul(state ^ text.charCodeAt(i), 0x01000193);
  }
  return state | 0;
}
