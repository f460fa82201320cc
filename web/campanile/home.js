// The hub, if a page names none: the one this module came from. The npm package takes the site of the page instead.

export const HOME = new URL(import.meta.url).origin;
