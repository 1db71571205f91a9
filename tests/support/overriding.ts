/** An object as it is, but for some of its properties. */
export function overriding<T extends object>(target: T, others: object): T {
  return new Proxy(target, {
    get(_target, name) {
      if (Object.hasOwn(others, name)) return Reflect.get(others, name) as unknown;
      const value = Reflect.get(target, name, target) as unknown;
      return typeof value === "function" ? (value.bind(target) as unknown) : value;
    },
  });
}
