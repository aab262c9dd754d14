/** Two neighbouring slots side by side, in the two lanes of a 128-bit vector. Offsets are in bytes. */

@inline export function get(record: usize, field: usize): v128 {
  return v128.load(record + field);
}

@inline export function put(record: usize, field: usize, value: v128): void {
  v128.store(record + field, value);
}

@inline export function add(a: v128, b: v128): v128 {
  return f64x2.add(a, b);
}

@inline export function sub(a: v128, b: v128): v128 {
  return f64x2.sub(a, b);
}

@inline export function mul(a: v128, b: v128): v128 {
  return f64x2.mul(a, b);
}

@inline export function over(a: v128, b: v128): v128 {
  return f64x2.div(a, b);
}

@inline export function both(value: f64): v128 {
  return f64x2.splat(value);
}

/** The larger of both, by lane; `a` where `b` is not a number. */
@inline export function larger(a: v128, b: v128): v128 {
  return f64x2.pmax(a, b);
}

/** The smaller of both; `a` where `b` is not a number. */
@inline export function smaller(a: v128, b: v128): v128 {
  return f64x2.pmin(a, b);
}

@inline export function sum(a: v128): f64 {
  return f64x2.extract_lane(a, 0) + f64x2.extract_lane(a, 1);
}

@inline export function largest(a: v128): f64 {
  return Math.max(f64x2.extract_lane(a, 0), f64x2.extract_lane(a, 1));
}

/** One lane: the address is that of the lane. */
@inline export function one(lane: usize, field: usize): f64 {
  return load<f64>(lane + field);
}

@inline export function putOne(lane: usize, field: usize, value: f64): void {
  store<f64>(lane + field, value);
}

const units: usize = memory.data<f64>([1, 1], 16);

/** 1 in both lanes, from memory: engines build a constant of two lanes anew at each place that uses it. */
@inline export function unit(): v128 {
  return v128.load(units);
}
