const frond = require("frond");
const exercise = require("./exercise.cjs");

test("a CommonJS test under jest has a broker", async () => {
  await exercise(frond);
});
