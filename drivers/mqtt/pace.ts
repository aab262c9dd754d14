/**
 * How fast messages are taken from one broker: `perSecond` units in the long run, twice as many at once. A message is a
 * unit, and another for each 4 KiB. What is more waits in the network's buffers, and then with the broker: a flood costs
 * whoever sends it, and nothing here is dropped.
 */
export function createPace(perSecond: number): (payloadBytes: number, nowMs: number) => number {
  const burst = perSecond * 2;
  let units = burst;
  let atMs: number | undefined;
  return (payloadBytes, nowMs) => {
    units = Math.min(burst, units + (Math.max(0, nowMs - (atMs ?? nowMs)) * perSecond) / 1_000);
    atMs = nowMs;
    units -= 1 + Math.floor(payloadBytes / 4_096);
    return units >= 0 ? 0 : Math.ceil((-units * 1_000) / perSecond);
  };
}
