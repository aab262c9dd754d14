#!/usr/bin/env node
import { keepHeapSmall } from '../process/small-heap.ts';

// An agent runs for years beside a meter’s other work; all other commands are soon over. Before anything is loaded, or the heap has grown.
if (process.argv[2] === 'run') keepHeapSmall();
await import('./begin.ts');
