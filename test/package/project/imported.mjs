import * as frond from "frond";
import exercise from "./exercise.cjs";

await exercise(frond);
console.log("done");
