/** What can be watched: each has a name, `isLive`, and is attached to a video element and detached again. */

const CAMERA_ERRORS = {
  NotAllowedError: "The browser or its user refused the camera. Allow it in the address bar and try again.",
  NotFoundError: "There is no camera on this device.",
  NotReadableError: "The camera is in use by another program.",
};

export async function openCamera() {
  if (!navigator.mediaDevices) {
    throw new Error("Browsers give a camera only to pages from https or localhost: open this page from there.");
  }
  let media;
  try {
    media = await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: 640 } }, audio: false });
  } catch (error) {
    throw new Error(CAMERA_ERRORS[error.name] ?? `The camera cannot be opened: ${error.message}`, { cause: error });
  }
  const [track] = media.getVideoTracks();
  return {
    name: track.label || "camera",
    isLive: true,
    async attach(video, { ended }) {
      track.addEventListener("ended", ended);
      video.removeAttribute("src");
      video.srcObject = media;
      await video.play();
    },
    detach(video) {
      track.stop();
      video.srcObject = null;
    },
  };
}

export async function openFilm(file) {
  const address = URL.createObjectURL(file);
  const listening = new AbortController();
  return {
    name: file.name,
    isLive: false,
    async attach(video, { failed }) {
      video.src = address;
      await firstFrame(video, file.name);
      const damaged = new Error(`${file.name} is damaged here: it cannot be decoded any further.`);
      video.addEventListener("error", () => failed(damaged), { signal: listening.signal });
      await video.play();
    },
    detach(video) {
      listening.abort();
      video.pause();
      URL.revokeObjectURL(address);
    },
  };
}

/** Wait for the first frame while the film stands still: nothing is missed. */
function firstFrame(video, name) {
  return new Promise((resolve, reject) => {
    video.requestVideoFrameCallback(resolve);
    const soundOnly = () => video.videoWidth === 0 && reject(new Error(`${name} has no picture, only sound.`));
    video.addEventListener("loadedmetadata", soundOnly, { once: true });
    const undecodable = `This browser cannot decode ${name}. WebM (VP8, VP9) and MP4 (H.264) usually work.`;
    video.addEventListener("error", () => reject(new Error(undecodable)), { once: true });
  });
}
