"""Every word of the studio, in one dictionary per language.

`t(key)` is for what Gradio draws (labels, help, buttons): the browser picks the language.
`say(key)` is for what Python writes (toasts, progress): plain text, filled in with values, in the
language of the visitor whose event it answers. `translate(message)` is for messages of the core,
which another language looks up by their template. Another language is another dictionary with the
same keys, added to `LANGUAGES`, and one of messages, added to `TEMPLATES`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gradio as gr

from gaia_core.errors import Message
from ui.gradio_compat import accepted_languages
from ui.i18n.chinese import MESSAGES, ZH

EN = {
    "title": "GAIA studio",
    "tagline": "One portrait and a voice become a talking video.",
    "research": "Research preview, non-commercial",
    # Tabs
    "tab.speech": "Speech",
    "tab.pose": "Pose",
    "tab.text": "Text",
    "tab.video": "Video",
    "tab.live": "Live",
    "tab.compare": "Compare",
    "tab.edit": "Edit",
    "tab.about": "About",
    "intro.speech": "The voice moves lips, eyes and head.",
    "intro.pose": "Set where the head turns and when, with or without speech.",
    "intro.text": "Describe what the face should do, with or without speech.",
    "intro.video": "Drive the portrait with the face of another video.",
    "intro.live": "The portrait follows your face or says your words, as it happens.",
    "intro.compare": "One portrait and speech in several settings, side by side and measured.",
    "intro.edit": "Re-render a few seconds of a take; the rest stays unchanged.",
    # Portrait
    "portrait.label": "Portrait",
    "portrait.heading": "### Portrait\nA clear photo, facing the camera. Group photos work too.",
    "portrait.upload": "Upload",
    # Speech
    "speech.label": "Speech",
    "speech.heading": "### Speech\nWhat the portrait will say.",
    "speech.text": "Type",
    "speech.upload": "Upload",
    "speech.record": "Record",
    "speech.none": "None",
    "seconds.label": "Length in seconds",
    "seconds.info": "The video has no sound then. From 0.5 to 30 seconds.",
    "text.label": "Text",
    "text.placeholder": "Type what the portrait should say",
    "text.start": "Hello! I am made of a single photograph and one sentence.",
    "voice.label": "Voice",
    "voice.info": (
        "Type a language or a name to find one. Online voices send the text to Microsoft's "
        "speech service; the offline ones keep it here and step in without a network."
    ),
    "voice.offline": "Offline",
    "voice.female": "female",
    "voice.male": "male",
    "voice.hear": "Listen",
    "voice.speaking": "A moment: the voice is asked to say hello.",
    "sentence.label": "Sample sentence",
    "sentence.choose": "Choose a language",
    "trim.label": "Cut silence at both ends of the speech",
    "language.en": "English",
    "language.de": "German",
    "language.fr": "French",
    "language.es": "Spanish",
    "language.it": "Italian",
    "language.pt": "Portuguese",
    "language.nl": "Dutch",
    "language.pl": "Polish",
    "language.sv": "Swedish",
    "language.uk": "Ukrainian",
    "language.tr": "Turkish",
    "language.ar": "Arabic",
    "language.hi": "Hindi",
    "language.zh": "Chinese",
    "language.ja": "Japanese",
    "language.ko": "Korean",
    "upload.label": "Recording",
    "upload.info": "WAV, MP3, M4A and others, up to two minutes. Or try one of ours:",
    "record.label": "Microphone",
    "record.info": "Up to two minutes. The browser will ask to use the microphone.",
    "watch.label": "Play while generating",
    "watch.info": "Playback starts as soon as it can go on to the end.",
    "watch.held": "It plays as soon as it can go on to the end without a pause.",
    "watch.waits": "The player waits for the next part.",
    # Pose
    "pose.heading": ("### Head and face\nAdd movements, then adjust them on the timeline."),
    "preset.nod": "Nod",
    "preset.shake": "Shake",
    "preset.look_left": "Look left",
    "preset.look_right": "Look right",
    "preset.look_up": "Look up",
    "preset.look_down": "Look down",
    "preset.orbit": "Orbit",
    "preset.still": "Still",
    "at.label": "Start at",
    "at.info": "Second of the next movement.",
    "lasts.label": "Duration",
    "lasts.info": "Of the movement, in seconds.",
    "keys.of": "A keyframe of {channel}",
    # The timeline; values in braces are filled in by the browser
    "line.tools": "Timeline",
    "line.play": "Play",
    "line.pause": "Pause",
    "line.undo": "Undo (Ctrl+Z)",
    "line.redo": "Redo (Ctrl+Y)",
    "line.snap": "Snap",
    "line.snap.info": "To words and to frames (0.04 s)",
    "line.in": "Zoom in (Ctrl+wheel)",
    "line.out": "Zoom out",
    "line.fit": "Fit",
    "line.loop": "Repeat the span, or all",
    "line.help": "Keyboard",
    "line.keys.play": "Play and pause",
    "line.keys.shuttle": "Play backwards, stop, play; again: faster",
    "line.keys.frame": "A frame back or on; with Shift ten",
    "line.keys.span": "Start and end of the span at the playhead",
    "line.keys.loop": "Repeat the span, or all",
    "line.keys.fit": "Zoom to the span, then to all",
    "line.keys.zoom": "Zoom",
    "line.keys.undo": "Undo, redo",
    "line.keys.clipboard": "Copy, cut and paste keyframes",
    "line.keys.help": "This list",
    "line.keys.head": "Playhead: by frames, seconds, to start and end",
    "line.keys.move": "Keyframe: move in time and value; with Shift by ten",
    "line.keys.exact": "Keyframe: type its values",
    "line.keys.all": "Keyframe: select all of its lane, or none",
    "line.keys.remove": "Keyframe: remove",
    "line.keys.words": "Word: the next one, or select its span; with Shift up to it",
    "line.snapped": "On the edge of the word {word}.",
    "line.head": "Playhead",
    "line.seconds": "Seconds",
    "line.sound": "Speech",
    "line.clauses": "Instruction",
    "line.lane": "Add a lane",
    "line.add": "Add a keyframe to {lane} at the playhead",
    "line.drop": "Remove the lane {lane}",
    "line.free": "free",
    "line.group.head": "Head",
    "line.group.eyes": "Eyes",
    "line.group.brows": "Brows",
    "line.group.mouth": "Mouth",
    "line.group.feelings": "Feelings",
    "line.key": "Keyframe",
    "line.key.name": "{lane}, {second}, {value}, {easing}",
    "line.several": "{count} keyframes",
    "line.second": "Second",
    "line.value": "Value",
    "line.easing": "Easing",
    "line.remove": "Remove keyframe (Delete)",
    "line.copied": "{count} copied; Ctrl+V puts them at the playhead.",
    "line.clear": "Clear",
    "line.empty": "No keyframes yet: choose a movement, or add a lane and double-tap in it.",
    "line.hint": (
        "Double-tap a lane to add a keyframe. Drag along the ruler, or click a word, to select a "
        "span."
    ),
    "line.hint.text": (
        "Each part of the instruction stands at its time. Drag along the ruler, or click a word, "
        "to select a span."
    ),
    "line.hint.edit": (
        "Drag along the ruler to select the span, or click a word and Shift+click another. Its "
        "start and end can be typed too, or set at the playhead by [ and ]."
    ),
    "line.word": "Select the word {word}; with Shift up to it",
    "line.sketch": "Preview of the keyframes at the playhead",
    "line.span": "Span",
    "line.from": "From",
    "line.until": "To",
    "line.edit": "Edit this span",
    "line.clear_span": "Clear the span",
    "line.take": "Last take",
    "line.grip": "Drag to make a keyframe",
    "line.result": "result",
    "line.target": "target",
    "line.json": "JSON",
    "line.json.label": "Controls as JSON",
    "line.json.copy": "Copy",
    "line.json.copied": "Copied.",
    "line.json.apply": "Apply",
    "line.json.close": "Close",
    "trace.yaw": "Turn",
    "trace.pitch": "Nod",
    "trace.roll": "Tilt",
    "trace.x": "Sideways",
    "trace.y": "Up",
    "trace.scale": "Closer",
    "trace.mouth": "Mouth opening",
    "trace.eyes": "Eye opening",
    "channel.yaw": "Turn right",
    "channel.pitch": "Nod up",
    "channel.roll": "Tilt clockwise",
    "channel.x": "Move right",
    "channel.y": "Move up",
    "channel.scale": "Closer",
    "channel.gaze_x": "Gaze right",
    "channel.gaze_y": "Gaze up",
    "channel.blink": "Eyes closed",
    "channel.wink_left": "Wink, left eye",
    "channel.wink_right": "Wink, right eye",
    "channel.brows": "Brows up",
    "channel.frown": "Frown",
    "channel.smile": "Smile",
    "channel.mouth": "Mouth open",
    "channel.pucker": "Pucker",
    "channel.puff": "Puff cheeks",
    "channel.sad": "Sad",
    "channel.surprised": "Surprised",
    "channel.angry": "Angry",
    "channel.disgusted": "Disgusted",
    "channel.afraid": "Afraid",
    "easing.ease": "Smooth",
    "easing.linear": "Linear",
    "easing.hold": "Hold",
    "easing.free": "Free",
    "strength.label": "Strength",
    "strength.info": "Scales the generated movement: 0 is off, 2 is double.",
    "strength.head": "Head",
    "strength.head.info": "Turning and nodding.",
    "strength.gaze": "Gaze",
    "strength.gaze.info": "Where the eyes look.",
    "strength.blink": "Blinks",
    "strength.blink.info": "How far the lids close.",
    "strength.brows": "Brows",
    "strength.brows.info": "Raising and frowning.",
    "strength.mouth": "Mouth",
    "strength.mouth.info": "How wide the lips move.",
    "expression.label": "Expression",
    "expression.info": "Added to the generated movement over the whole take. 0 adds nothing.",
    "expression.smile": "Smile",
    "expression.smile.info": "Below 0 the corners sink.",
    "expression.brows": "Brows",
    "expression.brows.info": "Up, or down below 0.",
    "expression.mouth": "Mouth",
    "expression.mouth.info": "Opens the lips.",
    "expression.gaze_x": "Gaze sideways",
    "expression.gaze_x.info": "To your right, or left below 0.",
    "expression.gaze_y": "Gaze up and down",
    "expression.gaze_y.info": "Up, or down below 0.",
    # Text
    "instruction.heading": "### Instruction\nIn plain English, up to 500 characters.",
    "instruction.label": "Instruction",
    "instruction.placeholder": "Smile, then nod slowly",
    "instruction.example.smile": "Smile, then nod slowly",
    "instruction.example.timed": "[1-2s: raise your brows] [2-4s: look left]",
    "instruction.example.look": "Look a bit sad and tilt your head",
    "understood": "Understood as",
    "understood.when": "When",
    "understood.action": "Action",
    "understood.strength": "Strength",
    "understood.words": "Your words",
    "understood.time": "{start:.1f} to {end:.1f} s",
    # Video
    "drive.info": "One face, facing the camera at the start.",
    "drive.head_only": "Optional: the head follows this video, except where keyframes set it.",
    "drive.label": "Driving video",
    "take.label": "What to transfer",
    "take.info": (
        "Everything with its sound; everything but the mouth, for new speech; or your choice."
    ),
    "take.reenact": "Re-enact",
    "take.dub": "Dub",
    "take.custom": "Choose",
    "groups.label": "Taken from the video",
    "groups.info": "The rest is generated.",
    "group.pose": "Head",
    "group.eyes": "Eyes",
    "group.brows": "Brows",
    "group.mouth": "Mouth",
    "group.face": "Cheeks and jaw",
    "drive_mode.label": "Movement",
    "drive_mode.info": "Changes since the reference second, or the exact poses of the video.",
    "drive_mode.relative": "Relative",
    "drive_mode.absolute": "Absolute",
    "drive_reference.label": "Reference second",
    "drive_reference.info": "Where its face matches the portrait best.",
    # Live; values in braces are filled in by the browser
    "live.heading": "### Live\nAs it happens. Nothing stays unless you keep it.",
    "live.kind": "What happens live",
    "live.mirror": "Mirror",
    "live.voice": "Voice",
    "live.mirror.info": (
        "The portrait moves as you do before your camera. When you press Start, look straight "
        "ahead with your mouth closed."
    ),
    "live.voice.info": (
        "The portrait says what you say, a second or two later. The sound is off so that it does "
        "not disturb you; switch it on when you wear headphones."
    ),
    "live.start": "Start",
    "live.recalibrate": "Recalibrate",
    "live.recalibrate.info": (
        "Look straight ahead, mouth closed: from here on you are as the portrait is."
    ),
    "live.hear": "Hear it (with headphones)",
    "live.keep": "Keep this take",
    "live.keep.info.mirror": (
        "Saves the video, and your camera's film so that it can be made again in another size."
    ),
    "live.keep.info.voice": (
        "Saves the video, and your recording so that it can be made again in another size."
    ),
    "live.kept.info": (
        "Shown live. Made again from these settings it moves a little differently, since the "
        "motion then knows what comes."
    ),
    "live.saving": "The take is being saved.",
    "live.film": "The portrait, live",
    "live.own": "Your camera",
    "live.left": "{time} left",
    "live.idle": "Your portrait will move here.",
    "live.idle.hint.mirror": "Press Start and let the browser use the camera.",
    "live.idle.hint.voice": "Press Start and let the browser use the microphone.",
    "live.asking.mirror": "The browser asks whether it may use the camera.",
    "live.asking.voice": "The browser asks whether it may use the microphone.",
    "live.waiting": "Waiting for the engine.",
    "live.connecting": "Connecting.",
    "live.preparing": "The first picture comes in a moment.",
    "live.time": "Your time is over.",
    "live.time.hint": "Press Start for another turn.",
    "live.gone": "The connection has ended.",
    "live.gone.hint": "Press Start to connect again.",
    "live.failed": "It did not start.",
    "live.unconnected": "Your browser and this server found no way to connect.",
    "live.unconnected.hint": (
        "Something between them blocks WebRTC: a firewall or a VPN. Try another network. Whoever "
        "runs the server can add a TURN server, see its README."
    ),
    "live.instead": "Record, and watch it while it is made",
    "live.denied.mirror": "The browser does not let this page use the camera.",
    "live.denied.voice": "The browser does not let this page use the microphone.",
    "live.denied.hint": "Allow it beside the address of the page, then press Start again.",
    "live.missing.mirror": "No camera was found.",
    "live.missing.voice": "No microphone was found.",
    "live.missing.hint": "Connect one, then press Start again.",
    "live.busy.mirror": "The camera cannot be opened.",
    "live.busy.voice": "The microphone cannot be opened.",
    "live.busy.hint": "Close other programs that use it, then press Start again.",
    "live.insecure": "The browser gives this page neither camera nor microphone.",
    "live.insecure.hint": "It does so over https, or on this machine as http://localhost.",
    "live.unsupported": "This browser has no WebRTC.",
    "live.unsupported.hint": "Use a current Chrome, Edge, Firefox or Safari.",
    # Compare
    "compare.heading": "### Settings to compare\nA few variants, or a grid over two settings.",
    "compare.info": (
        "Empty fields use the values under Advanced. All variants share one seed unless "
        "you set another."
    ),
    "compare.way": "What to compare",
    "compare.way.variants": "Variants",
    "compare.way.grid": "Grid",
    "compare.grid.info": "Each value of one setting with each of another, up to three by three.",
    "compare.rows": "Downwards",
    "compare.columns": "Across",
    "compare.values": "Up to three values",
    "compare.strength.head": "Head strength",
    "compare.strength.gaze": "Gaze strength",
    "compare.strength.blink": "Blink strength",
    "compare.strength.brows": "Brow strength",
    "compare.strength.mouth": "Mouth strength",
    "compare.base": "Movement from",
    "compare.base.speech": "Speech alone",
    "compare.base.pose": "As on the Pose tab",
    "compare.base.text": "As on the Text tab",
    "compare.base.video": "As on the Video tab",
    "compare.instruction": "Instruction",
    "weights.label": "Weights",
    "compare.instructed": "instruction",
    "compare.same": "same",
    "compare.generate": "Generate all",
    "compare.empty": "Your takes will play here together.",
    "compare.empty.hint": "Set what to compare, then press Generate all.",
    "compare.now": "Generating {name}, {index} of {count}",
    "compare.stopped": "Stopped before the first take was finished.",
    "compare.table": "What differs",
    "compare.measured": "Measured",
    "compare.equal": "All variants have the same settings.",
    "compare.none": "–",
    "compare.video": "a video",
    "compare.pack": "Download all",
    "compare.pack.info": "Videos, recipes and table as one zip; gaia compare makes them again.",
    "compare.wrong": "Variant {name}: {sentence}",
    "compare.error.axis": "Choose a setting and its values for both axes of the grid.",
    "compare.error.many": "{setting}: give at most {most} values.",
    "compare.error.same": "Both axes have the same setting; choose another for one of them.",
    "compare.error.folders": "Two folders of weights are named {name}; rename one of them.",
    "compare.error.weights": "There are no weights named {name}; choose among {names}.",
    "compare.error.none": "No variant is selected; select at least one.",
    "compare.field.face": "Face",
    "compare.field.seed": "Seed",
    "compare.field.steps": "Steps",
    "compare.field.guidance": "Guidance",
    "compare.field.liveliness": "Liveliness",
    "compare.field.size": "Picture",
    "compare.field.label": "Visible AI label",
    "compare.field.voice": "Voice",
    "compare.field.instruction": "Instruction",
    "compare.field.drive": "Driving video",
    "compare.field.drive_groups": "Taken from the video",
    "compare.field.drive_mode": "Movement",
    "compare.field.drive_reference": "Reference second",
    "compare.field.seconds": "Length in seconds",
    "compare.field.spans": "Re-rendered",
    "compare.field.trim": "Silence cut off",
    "compare.field.weights": "Weights",
    "measure.lips": "Lips",
    "measure.lips.info": "How much they move: deviation of their gap, % of the face's height.",
    "measure.steadiness": "Steadiness",
    "measure.steadiness.info": "Motion stability index (MSI); higher is steadier.",
    "measure.yaw": "Turn of the head",
    "measure.yaw.info": "Standard deviation in degrees, as in the next two.",
    "measure.pitch": "Nod",
    "measure.pitch.info": "Up and down.",
    "measure.roll": "Tilt",
    "measure.roll.info": "From side to side.",
    "measure.blinks": "Blinks",
    "measure.blinks.info": "Per minute.",
    "measure.took": "Generation time",
    "measure.took.info": "Seconds.",
    # The player of several takes; said by the browser
    "player.label": "All takes; space plays, arrows step, 1 to 9 select the sound",
    "player.play": "Play",
    "player.pause": "Pause",
    "player.seek": "Position in seconds",
    "player.speed": "Speed",
    "player.sound": "Sound",
    # Edit
    "edit.heading": "### Take\nThe shown take, or one from a file.",
    "edit.nothing": "There is no take yet. Make one on another tab, or open one.",
    "edit.spans": "Re-rendered",
    "edit.span": "{start:g} to {end:g} s",
    "edit.source": (
        "Opened from {name}: select a span on the timeline and re-render it. Its settings are on "
        "the other tabs."
    ),
    "edit.missing": "A file holds no media. Please choose these again there first: {media}.",
    "open.label": "MP4 or recipe",
    "open.info": "Drop a video made here, or a recipe: it opens as a take that can be edited.",
    "span_seed.label": "Seed of the span",
    "span_seed.info": "Another seed gives another movement.",
    "controlled.label": "Use keyframes and strengths of the Pose tab here",
    "controlled.info": "Their seconds count from the start of the take.",
    "media.portrait": "portrait",
    "media.speech": "recording",
    "media.drive": "driving video",
    "media.recipe": "file",
    "media.take": "video",
    "and": "and",
    # Settings
    "settings.label": "Advanced",
    "seed.label": "Seed",
    "seed.info": "The same seed and settings give the same video.",
    "random.label": "New seed every time",
    "random.info": "Off keeps the seed.",
    "steps.label": "Steps",
    "steps.info": "More is slower and slightly better.",
    "guidance.label": "Guidance",
    "guidance.info": "How closely the motion follows the speech. 1 is neutral.",
    "liveliness.label": "Liveliness",
    "liveliness.info": "How much head, brows and gaze move. 0 is a calm newsreader.",
    "size.label": "Picture",
    "size.info": "The whole photo at its own resolution (up to 2048 px), or a crop of the face.",
    "size.photo": "Whole photo",
    "size.512": "Crop, 512 px",
    "size.256": "Crop, 256 px",
    "face.label": "Face",
    "face.name": "Face {number} of {count}",
    "face.name.problem": "Face {number} of {count}, cannot be animated",
    "face.crop": "The crop that will be animated",
    "face.one": "This part will be animated.",
    "face.photo": "Whole photo",
    "face.many": "{count} faces; face {chosen} is selected. Click another to change.",
    "label.label": "Visible AI label",
    "label.info": (
        "A small mark in a corner. Can be turned off once you confirm your rights at an upload."
    ),
    "consent.label": "I have the right to use these faces and voices",
    "consent.info": "Asked once, for your own photo, recording or video.",
    "consent.missing": "Tick this first, then press the button again.",
    "presets": "Presets",
    "presets.label": "Name",
    "presets.info": "Type a name and save. Stored in this browser, settings only.",
    "presets.save": "Save",
    "presets.saved": "Saved as {name}.",
    "presets.delete": "Delete",
    # Actions
    "generate": "Generate",
    "rerender": "Re-render this span",
    "stop": "Stop",
    "estimate.cpu": "About {time} on this server's CPU, for {length} of video.",
    "estimate.gpu": "About {time} of GPU time, for {length} of video.",
    "estimate.seconds": "{count} s",
    "estimate.minutes": "{count} min",
    "estimate.left": "about {time} left",
    "queue.ready": "ready in about {time}",
    "queue.place": "number {number} of {size} in the queue",
    # Result
    "result.label": "Video",
    "result.empty": "Your video will appear here.",
    "result.empty.hint": "The example is ready: press Generate.",
    "result.waiting": "Waiting in the queue",
    "result.recipe": "A recipe is open; its video is not here.",
    "result.recipe.hint": "Generate makes it again; on the Edit tab a span can be re-rendered.",
    "result.stopped": "Stopped.",
    "result.stopped.hint": "Nothing was saved. Your inputs are unchanged.",
    "result.failed": "The video could not be generated.",
    "result.failed.hint": "Your inputs are unchanged.",
    "result.example": "An example, made from the photo in the corner and one sentence.",
    "result.example.photo": "The photo it was made from",
    "result.example.sound": "Sound",
    "result.preview": "Latest frame",
    "fact.seed": "Seed",
    "fact.length": "Length",
    "fact.seconds": "{seconds:.1f} s",
    "fact.label": "AI-generated",
    "fact.label.visible": "label in picture and file",
    "fact.label.hidden": "label in file",
    "recipe.label": "Recipe",
    "recipe.info": "All settings that reproduce this video, with the media as fingerprints.",
    "recipe.download": "Download recipe",
    "recipe.reuse": "Reuse these settings",
    "download.gif": "GIF",
    "download.vtt": "Subtitles",
    "download.poster": "Poster frame",
    "download.webm": "Transparent WebM",
    "download.making": "Preparing",
    "download.file": "Download",
    "code.label": "Python code",
    "history.heading": "### This session",
    "history.take": "Show {name}, {facts}",
    "history.apply": "Reuse its settings",
    "history.apply.name": "Reuse the settings of {name}",
    "history.delete": "Delete",
    "history.deleted": "Deleted: {name}",
    "history.undo": "Undo",
    "history.delete.name": "Delete {name}",
    "take.name": "{mode}: {asked}",
    "forget": "Delete my data now",
    "forget.info": "Deletes uploads and takes now; otherwise after about an hour.",
    "stage.start": "Starting",
    "stage.voice": "Preparing the speech",
    "stage.face": "Finding the face",
    "stage.speech": "Analysing the speech",
    "stage.motion": "Generating the motion",
    "stage.frames": "Rendering the frames",
    "stage.file": "Writing the video",
    # Sentences for a toast
    "error.title": "Please check",
    "error.title.unexpected": "Sorry",
    "error.unexpected": "Something went wrong on our side; try again, or try another portrait.",
    "error.portrait": "There is no portrait; upload a photo or choose an example.",
    "error.upload": "There is no recording; upload one, or choose another way to give speech.",
    "error.record": "There is no recording; record one, or choose another way to give speech.",
    "error.text": "There is no text; type what the portrait should say.",
    "error.source": "Choose how to give the speech: type, upload or record.",
    "error.mode": "Choose one of the tabs first.",
    "error.instruction": "There is no instruction; write what the face should do.",
    "error.drive": "There is no driving video; upload one.",
    "error.dub": "Dubbing needs speech: type, upload or record it, or choose Re-enact.",
    "error.keys": "The keyframes cannot be read; clear them and add them again.",
    "error.groups": "The groups must be a list of names, such as pose and eyes.",
    "error.controls": "The controls must be a JSON object with tracks and strength.",
    "error.preset": "Give the preset a name of up to {count} characters.",
    "error.presets": "There is room for {count} presets; delete one first.",
    "error.recipe": "This is not a recipe of GAIA; use the recipe of a take.",
    "error.nothing": "There is no take to edit; make one on another tab, or open one.",
    "error.span": (
        "No span is selected; drag along the ruler of the timeline, click a word, or type its "
        "seconds."
    ),
    "error.media": (
        "This take was made with other media; choose its own {media} again, "
        "on the tab it was made on."
    ),
    "error.gone": "The {field} is no longer on the server; please give it again.",
    "error.file": "The {field} must be an uploaded file.",
    "error.offer": "The browser's connection could not be read; reload the page and try again.",
    "error.consent": (
        "Please confirm that you have the right to use these faces and voices: tick the box "
        "beside your upload (in a program: consent=True), or choose an example."
    ),
    "error.label": (
        "The visible label can only be turned off once you confirm "
        "that you have the right to use these faces and voices."
    ),
    "error.whole": "{field} must be a whole number.",
    "error.number": "{field} must be a number.",
    "error.switch": "{field} must be true or false.",
    "error.string": "{field} must be text.",
    "about": """
## What this is

GAIA turns one portrait and speech into a talking video. A first network separates appearance from
motion, and a second one generates the motion from the speech: lips, blinks, gaze and head.

There are four kinds of control, which can be combined with speech: keyframes for head and face
(**Pose**), an instruction (**Text**), another video (**Video**), and re-rendering of a few seconds
(**Edit**). Only the settings of the open tab are used. Left and right are the viewer's, except for
winks: those are the person's own eyes.

## Limits

- Best with one sharp, evenly lit face that looks towards the camera. Profiles, hands in front of
  the mouth, heavy beards and strong shadows are harder.
- Teeth and whatever the photo does not show are synthesised.
- English speech works best. With other languages the lips are less accurate.
- Up to two minutes of speech at a time, and 30 seconds without.
- Instructions are read by a small model of facial actions. How it understood them is shown; times
  in brackets are exact.
- A driving video should show one face without hands or hair before it. Large head turns are
  weaker than in the video.
- Large head movements and strong expressions cost likeness and sharpness.

## Your responsibility

Make only videos of people who agreed to it, or of yourself; that goes for the person in a driving
video too. Do not deceive, harass or impersonate. The examples are free to use: the NASA and US Navy
portraits are in the public domain.

## AI label

Every video says in its file metadata that it is AI-generated, and carries its recipe there. A
visible mark is on by default. Metadata is lost when a site re-encodes the video: it is a label,
not a proof.

## Privacy

- Your photo, recordings and videos stay on this server for about an hour and are then deleted.
  They are not used for anything else, and no other visitor is shown them.
- What you have typed and set is kept by your browser until its tab is closed, so that a reload
  loses nothing.
- *Delete my data now*, below the result, removes both at once.
- Their addresses cannot be guessed, but whoever has the address of a video can open it.
- On the Live tab pictures of your camera and the sound of your microphone go to this server, and
  are forgotten after five minutes at most, unless you press *Keep this take*.
- An online voice sends your text to Microsoft's speech service through `edge-tts`. The offline
  voice does not; nor do uploads and recordings.

## Licence

The weights were trained on research data and may be used for **non-commercial research only**;
the model card beside them names the sources. The sources and licences of the examples are in
`examples/README.md`.

## For programs

The endpoints `/speech_driven`, `/pose_controlled`, `/text_instructed`, `/video_driven` and
`/rerender_span` make the same videos, and `/faces` finds the faces of a photo: see *Use via API
or MCP* at the foot of the page and `examples/`.
The recipe of each take has Python code that reproduces it.
""",
    # The endpoints; what an argument means is the same in all of them
    "api.speech_driven": (
        "Makes a video in which the face of a portrait speaks. "
        "Give either a speech recording or a text."
    ),
    "api.stream_speech": (
        "As speech_driven, but the video streams in segments: small MP4 files of about "
        "two seconds, each with its start and end. The last answer is the whole video."
    ),
    "api.pose_controlled": (
        "Makes a video of a portrait whose head and face follow keyframes, or whose head follows "
        "a driving video. Speech is optional: give a recording, a text, or neither."
    ),
    "api.text_instructed": (
        "Makes a video of a portrait that does what a sentence says. "
        "Speech is optional: give a recording, a text, or neither."
    ),
    "api.video_driven": (
        "Makes a video of a portrait that moves as the face of another video does. With all groups "
        "the sound is that video's; without the mouth give a recording or a text to dub it."
    ),
    "api.rerender_span": (
        "Re-renders a few seconds of an earlier take, blended at the edges. Give the "
        "take's recipe and the same media again."
    ),
    "api.faces": (
        "Finds the faces of a portrait, largest first, without generating: the values of "
        "`face` in the other endpoints, and warnings."
    ),
    "api.faces.returns": (
        "For each face its number, its box (left, top, right, bottom as shares of the photo), why "
        "it cannot be animated or null, and warnings."
    ),
    "api.progress": (
        'While it works it yields no video and {"stage", "progress"}; '
        "the last answer is the result."
    ),
    "api.returns": (
        "The video (mp4), and its facts: seed, recipe, words with times, notices, seconds."
    ),
    "api.recipe": "The recipe of the take, as an earlier call returned it.",
    "api.start": "The second at which the span begins.",
    "api.end": "The second at which the span ends.",
    "api.span_seed": "The seed of the span.",
    "api.consent": (
        "True confirms: I have the right to use these faces and voices. Needed for all "
        "but the studio's own examples."
    ),
}

LANGUAGES = {"en": EN, "zh": EN | ZH}
TEMPLATES: dict[str, dict[str, str]] = {"en": {}, "zh": MESSAGES}
# Gradio's own names of languages; what is not among them is English.
I18N = gr.I18n(**{"en": EN, "zh-CN": LANGUAGES["zh"], "zh-TW": LANGUAGES["zh"]})


def t(key: str) -> Any:
    """A text that the browser shows in its own language (Gradio's I18nData)."""
    if key not in EN:
        raise KeyError(key)
    return I18N(key)


def say(key: str, **values: object) -> str:
    """A text as plain words in the visitor's language, with `values` filled in and translated."""
    text = LANGUAGES[language()][key]
    return _fill(text, values) if values else text


def translate(text: str) -> str:
    """A `Message` in the visitor's language, as far as it is known there; other text as it is."""
    if not isinstance(text, Message):
        return text
    template = TEMPLATES[language()].get(text.template, text.template)
    return _fill(template, text.values)


def _fill(template: str, values: Mapping[str, object]) -> Message:
    return Message(template, **{name: _translated(value) for name, value in values.items()})


def _translated(value: object) -> object:
    if isinstance(value, tuple):
        return tuple(_translated(each) for each in value)
    return translate(value) if isinstance(value, Message) else value


def language() -> str:
    """That of the browser whose event is handled right now; English outside of events."""
    return "zh" if accepted_languages().lower().startswith("zh") else "en"
