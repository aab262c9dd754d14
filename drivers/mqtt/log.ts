/** One event of a driver: its name and fields that carry their units. Never keys or household readings. */
export type Log = (
  entry: { readonly event: string } & Readonly<Record<string, string | number | boolean>>,
) => void;
