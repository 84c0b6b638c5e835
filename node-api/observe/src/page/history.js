// What the last minutes brought: the page keeps it, the server does not.
//
// Counters are noted by group and member: a group's total grows by what its members grow, so it never falls when one
// of them ends. A member that is new starts where it is found. A value is a number or an array of numbers.

/// What the plots show.
export const SPAN_SECONDS = 300;

export class History {
  #groups = new Map();
  #at = 0;

  /// Notes the counters of one message: `[group, member, value]` each. Members that are missing have ended.
  note(at, counters) {
    if (!(at > this.#at)) {
      if (at === this.#at) {
        return;
      }
      this.#groups.clear(); // another clock: nothing before it can be compared
    }
    this.#at = at;
    const seen = new Set();
    for (const [group, member, value] of counters) {
      const { total, members } = this.#group(group, value);
      const series = members.get(member);
      const last = series?.at(-1)?.value;
      const grown = last === undefined ? times(value, 0) : larger(value, last);
      total.now = add(total.now, grown);
      if (series && grown !== null) {
        push(series, at, value);
      } else {
        members.set(member, [{ at, value }]);
      }
      seen.add(`${group}\n${member}`);
    }
    for (const [group, { total, members }] of this.#groups) {
      push(total.series, at, total.now);
      for (const member of members.keys()) {
        if (!seen.has(`${group}\n${member}`)) {
          members.delete(member);
        }
      }
    }
  }

  #group(name, value) {
    let group = this.#groups.get(name);
    if (!group) {
      group = { total: { now: times(value, 0), series: [] }, members: new Map() };
      this.#groups.set(name, group);
    }
    return group;
  }

  #series(group, member) {
    const found = this.#groups.get(group);
    return (member === undefined ? found?.total.series : found?.members.get(member)) ?? [];
  }

  /// When the newest message was made, in milliseconds of the server's clock.
  get at() {
    return this.#at;
  }

  /// How much a counter grew in the last seconds, or since the message before; undefined where there is none.
  grown(seconds, group, member) {
    const [oldest, newest] = this.#between(seconds, group, member);
    return newest && minus(newest.value, oldest.value);
  }

  /// The same for each second.
  rate(seconds, group, member) {
    const [oldest, newest] = this.#between(seconds, group, member);
    return newest && minus(newest.value, oldest.value) / ((newest.at - oldest.at) / 1000);
  }

  #between(seconds, group, member) {
    const series = this.#series(group, member);
    const oldest = series.slice(0, -1).find(({ at }) => at >= this.#at - seconds * 1000) ?? series.at(-2);
    return oldest ? [oldest, series.at(-1)] : [];
  }

  /// Rates between one message and the next: `{ago, rate}`, the oldest first; `ago` in seconds.
  rates(group, member) {
    const series = this.#series(group, member);
    return series.slice(1).map(({ at, value }, before) => ({
      ago: (this.#at - at) / 1000,
      rate: minus(value, series[before].value) / ((at - series[before].at) / 1000),
    }));
  }
}

function push(series, at, value) {
  series.push({ at, value });
  while (series[0].at < at - SPAN_SECONDS * 1000) {
    series.shift();
  }
}

function each(left, right, operation) {
  return Array.isArray(left) ? left.map((value, at) => operation(value, right[at] ?? 0)) : operation(left, right);
}

function add(left, right) {
  return right === null ? left : each(left, right, (one, other) => one + other);
}

function minus(left, right) {
  return each(left, right, (one, other) => one - other);
}

function times(value, factor) {
  return each(value, value, (one) => one * factor);
}

/// What it grew; null for a counter that began anew.
function larger(value, last) {
  const grown = minus(value, last);
  return [grown].flat().every((one) => one >= 0) ? grown : null;
}
