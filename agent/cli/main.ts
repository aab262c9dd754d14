#!/usr/bin/env node
import { keepHeapSmall } from '../process/small-heap.ts';

// An agent runs for years beside a meter’s other work; all other commands are soon over. Before anything is loaded, or the heap has grown.
if (process.argv[2] === 'run') {
  keepHeapSmall();
  // What LevelDB creates takes no mode: all that a home writes is its owner's alone.
  process.umask(0o077);
}
await import('./begin.ts');
