/** What a model says about itself: the sidecar `MODEL.json`, checked and with numbers as numbers. */

const NUMBERS = {
  frame_rate: "frameRate",
  window: "window",
  anchor_frames: "anchorFrames",
  height: "height",
  width: "width",
  event_enter: "enter",
  event_leave: "leave",
  event_smoothing_seconds: "smoothingSeconds",
  event_min_seconds: "minSeconds",
};

/**
 * @param {Record<string, string>} sidecar the parsed JSON, keys `framestream.…`
 * @returns facts by name; `labels` and `stateNames` are arrays, `background` is null if there is none
 */
export function readFacts(sidecar) {
  if (sidecar === null || typeof sidecar !== "object") throw new Error("The sidecar is no JSON object.");
  const text = (name) => {
    const value = sidecar[`framestream.${name}`];
    if (typeof value !== "string") {
      throw new Error(`The sidecar has no "framestream.${name}": take the JSON file that was exported with the model.`);
    }
    return value;
  };
  const exactly = { spec_version: "1", color: "rgb", resize: "stretch-area" };
  for (const [name, wanted] of Object.entries(exactly)) {
    if (text(name) !== wanted) {
      throw new Error(`The model has ${name} "${text(name)}", this program understands "${wanted}" only.`);
    }
  }
  const facts = {
    labels: text("labels").split("\n"),
    background: text("background") || null,
    stateNames: text("state_names").split("\n"),
  };
  for (const [key, name] of Object.entries(NUMBERS)) {
    facts[name] = Number(text(key));
    if (!Number.isFinite(facts[name])) {
      throw new Error(`The sidecar's "framestream.${key}" is "${text(key)}", which is no number.`);
    }
  }
  return facts;
}
