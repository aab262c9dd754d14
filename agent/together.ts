/**
 * Several works side by side, as one. The first that fails aborts the others; its error is passed on once all have
 * ended, so that nothing goes on writing behind the back of whoever waited.
 */
export async function together(
  signal: AbortSignal,
  works: readonly ((signal: AbortSignal) => Promise<void>)[],
): Promise<void> {
  const failed = new AbortController();
  const stop = AbortSignal.any([signal, failed.signal]);
  const errors: unknown[] = [];
  await Promise.all(
    works.map((work) =>
      work(stop).catch((error) => {
        errors.push(error);
        failed.abort();
      }),
    ),
  );
  if (errors.length > 0) throw errors[0];
}
