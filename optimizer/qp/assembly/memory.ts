/**
 * Linear memory, handed out upwards. What belongs to the problem stays for the life of the instance; the
 * scratch room of the analysis is given back as a whole. Nothing is handed out while solving.
 */

const PAGE: usize = 65536;
let top: usize = 0;
let exhausted: bool = false;
/** No more than so many bytes are asked of the host. */
let limit: u64 = <u64>u32.MAX_VALUE;
let sealed: bool = false;

export function limitMemory(bytes: f64): void {
  limit = <u64>min(bytes, <f64>u32.MAX_VALUE);
}

/** From here on nothing is handed out any more: solving works with what there is. */
export function sealMemory(): void {
  sealed = true;
}

/** Whether memory was refused: it tells this trap from any other. */
export function isMemoryExhausted(): bool {
  return exhausted;
}

export function numbers(count: i32): Numbers {
  return changetype<Numbers>(allocate(<usize>count << 3));
}

export function integers(count: i32): Integers {
  return changetype<Integers>(allocate(<usize>count << 2));
}

/** Room for one record of class T, whose fields are written by the caller. */
export function record<T>(): T {
  return changetype<T>(allocate(offsetof<T>()));
}

export function bytes(count: i32): Bytes {
  return changetype<Bytes>(allocate(<usize>count));
}

/** The level to which `release` may go back. */
export function mark(): usize {
  return top;
}

export function release(level: usize): void {
  top = level;
}

/** f64 numbers at an address; no bounds are checked: the sizes are those of the problem. */
@unmanaged
@final
export class Numbers {
  @inline @operator('[]') get(i: i32): f64 {
    return load<f64>(changetype<usize>(this) + (<usize>i << 3));
  }
  @inline @operator('[]=') set(i: i32, value: f64): void {
    store<f64>(changetype<usize>(this) + (<usize>i << 3), value);
  }
  /** Numbers i and i + 1 as two lanes. */
  @inline two(i: i32): v128 {
    return v128.load(changetype<usize>(this) + (<usize>i << 3));
  }
  @inline setTwo(i: i32, lanes: v128): void {
    v128.store(changetype<usize>(this) + (<usize>i << 3), lanes);
  }
  fill(count: i32, value: f64): void {
    for (let i = 0; i < count; i++) this[i] = value;
  }
  copy(from: Numbers, count: i32): void {
    memory.copy(changetype<usize>(this), changetype<usize>(from), <usize>count << 3);
  }
}

@unmanaged
@final
export class Integers {
  @inline @operator('[]') get(i: i32): i32 {
    return load<i32>(changetype<usize>(this) + (<usize>i << 2));
  }
  @inline @operator('[]=') set(i: i32, value: i32): void {
    store<i32>(changetype<usize>(this) + (<usize>i << 2), value);
  }
  fill(count: i32, value: i32): void {
    for (let i = 0; i < count; i++) this[i] = value;
  }
  copy(from: Integers, count: i32): void {
    memory.copy(changetype<usize>(this), changetype<usize>(from), <usize>count << 2);
  }
  /** Counts in 0..count-1 become starts; the total goes to place `count` and is returned. */
  accumulate(count: i32): i32 {
    let sum = 0;
    for (let i = 0; i < count; i++) {
      const here = this[i];
      this[i] = sum;
      sum += here;
    }
    this[count] = sum;
    return sum;
  }
}

@unmanaged
@final
export class Bytes {
  @inline @operator('[]') get(i: i32): u8 {
    return load<u8>(changetype<usize>(this) + <usize>i);
  }
  @inline @operator('[]=') set(i: i32, value: u8): void {
    store<u8>(changetype<usize>(this) + <usize>i, value);
  }
}

/** Sixteen-byte steps, so that vectors start where SIMD likes them. */
function allocate(size: usize): usize {
  if (sealed) unreachable();
  if (top == 0) top = (__heap_base + 15) & ~15;
  const at = top;
  const next = <u64>at + (((<u64>size) + 15) & ~15);
  const have = <u64>memory.size() * PAGE;
  if (next > have) {
    const pages = (next - have + PAGE - 1) / PAGE;
    if (have + pages * PAGE > limit || memory.grow(<i32>pages) < 0) {
      exhausted = true;
      unreachable();
    }
  }
  top = <usize>next;
  return at;
}
