// When something was, as people say it. Knows no page.

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

const two = (number) => String(number).padStart(2, "0");

/** The days between two dates, by the calendar. @param {Date} from @param {Date} to */
const daysBetween = (from, to) =>
  Math.round((new Date(to).setHours(12, 0, 0, 0) - new Date(from).setHours(12, 0, 0, 0)) / 86_400_000);

/** today 15:51, yesterday 15:51, 28 Nov 15:51, 28 Nov 2025 15:51. @param {number} seconds since the epoch */
export function dayOf(seconds, now = new Date()) {
  const at = new Date(1000 * seconds);
  const time = `${two(at.getHours())}:${two(at.getMinutes())}`;
  const days = daysBetween(at, now);
  if (days === 0 || days === 1) return `${days ? "yesterday" : "today"} ${time}`;
  const year = at.getFullYear() === now.getFullYear() ? "" : ` ${at.getFullYear()}`;
  return `${at.getDate()} ${MONTHS[at.getMonth()]}${year} ${time}`;
}
