// @ts-check
/**
 * The prime-order group of the ballots and its arithmetic.
 *
 * Promises: every scalar drawn here is uniform in [0, q); membership is checked by a power, never assumed; everything is
 * exact. Not promised: constant time. JavaScript's big integers leak the size and shape of their operands through
 * timing, so a secret used here is as private as the device that it is used on.
 */
import { bigIntFromBytes, randomBytes, sha256 } from "./encoding.js";

const P = BigInt(
  "2069478569142254640101364365750500806492298929575110409710088478705737421924271740192223725449768433" +
    "8129066633138078958404960054389636289796393038773905722803605973749427671376777618898589872735865049" +
    "0811670993105358677809800307904916540637771737641986785272734744763418356000356983051931442845617019" +
    "1100078673730733356412397173289791324047457883446826065232797464795113767265869358218004631792207366" +
    "8860052627186363386088796882120769432366149491002923444346373222145884100586421050242120365433561201" +
    "3204811188524087310770141516662001623131771693721892480785077118278423174980732765988288251691831031" +
    "25680162072880719",
);
const Q = BigInt("78571733251071885079927659812671450121821421258408794611510081919805623223441");
const G = BigInt(
  "2402352677501852209227687703532399932712287657378364916510075318787663274146353219320285676155269678" +
    "7996946682987493890950838965734256019006010684771644917354741372831046104586813145117816467554005274" +
    "0288984613986453266121505579709716201616827031288643245666383486363578210615491841998253431518974065" +
    "8186868651151358576410138882215396016043228843603930989333662772848406593138406010231675095763777982" +
    "6651036068224066350766977640253462537730851331734951942489677540525736590494924776314759915751987751" +
    "7771148149092045660020547812705472823814097251863985833411570056835369555342378147558249189605029668" +
    "0037745308460627",
);

const WINDOW = 4n; // bits per digit where the base is seen once: 64 digits for a 256-bit exponent
const TABLE_WINDOW = 8n; // bits per digit of a table: 32 rows of 255 powers, about 2 MiB and 35 ms to build

/**
 * Cut an exponent into digits, least significant first.
 * @param {bigint} exponent at least 0
 * @param {bigint} width bits per digit
 * @returns {number[]}
 */
function digits(exponent, width) {
  const found = [];
  const mask = (1n << width) - 1n;
  for (let rest = exponent; rest > 0n; rest >>= width) found.push(Number(rest & mask));
  return found;
}

/**
 * All powers of a base that will be raised often (g, the election's key): a power then costs 32 products and no square.
 */
export class PowerTable {
  /**
   * @param {bigint} base
   * @param {bigint} [modulus]
   * @param {bigint} [order] bounds the exponents: 0 <= exponent < order
   */
  constructor(base, modulus = P, order = Q) {
    this.modulus = modulus;
    /** @type {bigint[][]} row i holds base^(d * 256^i) at d */
    this.rows = [];
    let unit = base % modulus;
    for (let reach = 1n; reach < order; reach <<= TABLE_WINDOW) {
      const row = [1n];
      for (let d = 1; d < 1 << Number(TABLE_WINDOW); d++) row.push((row[d - 1] * unit) % modulus);
      unit = (row[row.length - 1] * unit) % modulus;
      this.rows.push(row);
    }
  }

  /**
   * @param {bigint} exponent 0 <= exponent < order
   * @returns {bigint} base^exponent mod p
   */
  power(exponent) {
    let result = 1n;
    digits(exponent, TABLE_WINDOW).forEach((d, i) => {
      if (d) result = (result * this.rows[i][d]) % this.modulus;
    });
    return result;
  }
}

/**
 * A base of which a few powers are wanted (a ciphertext under proof): they share their squarings (Yao's method), so
 * the second power costs a third of the first.
 */
export class PowerLadder {
  /**
   * @param {bigint} base
   * @param {bigint} [modulus]
   */
  constructor(base, modulus = P) {
    this.modulus = modulus;
    /** @type {bigint[]} steps[i] = base^(16^i) */
    this.steps = [base % modulus];
  }

  /**
   * @param {bigint} exponent at least 0
   * @returns {bigint} base^exponent mod p
   */
  power(exponent) {
    const buckets = new Array(1 << Number(WINDOW)).fill(1n);
    digits(exponent, WINDOW).forEach((d, i) => {
      if (d) buckets[d] = (buckets[d] * this.#step(i)) % this.modulus;
    });
    // The product of bucket[d]^d, by running products from the top.
    let running = 1n;
    let result = 1n;
    for (let d = buckets.length - 1; d > 0; d--) {
      running = (running * buckets[d]) % this.modulus;
      result = (result * running) % this.modulus;
    }
    return result;
  }

  /** @param {number} index */
  #step(index) {
    while (this.steps.length <= index) {
      let next = this.steps[this.steps.length - 1];
      for (let bit = 0n; bit < WINDOW; bit++) next = (next * next) % this.modulus;
      this.steps.push(next);
    }
    return this.steps[index];
  }
}

/** The subgroup of order q of the integers mod p, with generator g. */
export class Group {
  /** @type {PowerTable | undefined} */
  #powersOfG;

  /**
   * @param {string} name as elections spell it
   * @param {bigint} p modulus
   * @param {bigint} q order
   * @param {bigint} g generator
   */
  constructor(name, p, q, g) {
    this.name = name;
    this.p = p;
    this.q = q;
    this.g = g;
  }

  /** Build the table of g now, so that the first ballot need not wait for it. */
  prepare() {
    this.#powersOfG ??= this.table(this.g);
  }

  /**
   * @param {bigint} base an element
   * @returns {PowerTable}
   */
  table(base) {
    return new PowerTable(base, this.p, this.q);
  }

  /**
   * @param {bigint} base any number
   * @returns {PowerLadder}
   */
  ladder(base) {
    return new PowerLadder(base, this.p);
  }

  /**
   * @param {bigint} exponent any integer, taken mod q
   * @returns {bigint} g^exponent
   */
  powerOfG(exponent) {
    this.prepare();
    return /** @type {PowerTable} */ (this.#powersOfG).power(this.reduce(exponent));
  }

  /**
   * @param {bigint} base an element
   * @param {bigint} exponent any integer, taken mod q
   * @returns {bigint}
   */
  power(base, exponent) {
    return this.ladder(base).power(this.reduce(exponent));
  }

  /** @param {bigint} left @param {bigint} right @returns {bigint} */
  multiply(left, right) {
    return (left * right) % this.p;
  }

  /** @param {bigint} element of the group (elsewhere the answer is wrong) @returns {bigint} */
  inverse(element) {
    return this.power(element, -1n);
  }

  /** @param {bigint} number @returns {bigint} the number mod q, never negative */
  reduce(number) {
    const rest = number % this.q;
    return rest < 0n ? rest + this.q : rest;
  }

  /**
   * Whether a number is an element: 0 < x < p and x^q = 1.
   * @param {bigint} number
   * @param {PowerLadder} [ladder] of the same number, to share its squarings
   * @returns {boolean}
   */
  isElement(number, ladder = this.ladder(number)) {
    return number > 0n && number < this.p && ladder.power(this.q) === 1n;
  }

  /** @returns {bigint} uniform in [0, q) */
  randomScalar() {
    for (;;) {
      const drawn = bigIntFromBytes(randomBytes(32));
      if (drawn < this.q) return drawn;
    }
  }

  /**
   * The hash of the protocol's proofs: SHA-256 of the prefix followed by the elements joined with commas, mod q.
   * @param {string} prefix
   * @param {bigint[]} elements
   * @returns {Promise<bigint>}
   */
  async hashToScalar(prefix, elements) {
    return bigIntFromBytes(await sha256(prefix + elements.join(","))) % this.q;
  }
}

/** The only group in which elections are created. */
export const BELENIOS_2048 = new Group("BELENIOS-2048", P, Q, G);
