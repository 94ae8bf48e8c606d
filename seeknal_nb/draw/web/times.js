// Times as people say them, in the reader's own zone. Knows no page.

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const DAY = 86_400_000;

const two = (number) => String(Math.trunc(number)).padStart(2, "0");
const midnight = (date) => new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime();

/** today 15:51, yesterday 09:12, 3 Nov; @param {number} seconds since the epoch */
export function when(seconds, now = new Date()) {
  const at = new Date(1000 * seconds);
  const days = Math.round((midnight(now) - midnight(at)) / DAY);
  if (days === 0 || days === 1) return `${days ? "yesterday" : "today"} ${two(at.getHours())}:${two(at.getMinutes())}`;
  const day = `${at.getDate()} ${MONTHS[at.getMonth()]}`;
  return at.getFullYear() === now.getFullYear() ? day : `${day} ${at.getFullYear()}`;
}

/** To the second, with the zone; @param {number} seconds since the epoch */
export function exactly(seconds) {
  const at = new Date(1000 * seconds);
  const east = -at.getTimezoneOffset();
  const zone = `UTC${east < 0 ? "-" : "+"}${two(Math.abs(east) / 60)}:${two(Math.abs(east) % 60)}`;
  const day = [at.getFullYear(), two(at.getMonth() + 1), two(at.getDate())].join("-");
  return `${day} ${[at.getHours(), at.getMinutes(), at.getSeconds()].map(two).join(":")} ${zone}`;
}

/** What is left of a run: 7 s, 40 s, 3 min; @param {number} seconds */
export function rounded(seconds) {
  if (seconds < 10) return `${Math.ceil(seconds)} s`;
  if (seconds < 57.5) return `${5 * Math.round(seconds / 5)} s`;
  return seconds < 3600 ? `${Math.round(seconds / 60)} min` : `${Math.floor(seconds / 3600)} h ${Math.round((seconds % 3600) / 60)} min`;
}
