/** An address of others as a link that may be followed: http, https and mailto alone, else nothing. */
export function link(uri: string): string | null {
  try {
    const to = new URL(uri);
    return ["http:", "https:", "mailto:"].includes(to.protocol) ? to.href : null;
  } catch {
    return null;
  }
}
