"""The words of the studio in Simplified Chinese, and sentences that the core writes.

Programs are answered in English, so what stands under `api.` in `text.EN` has no counterpart.
"""

from __future__ import annotations

ZH: dict[str, str] = {
    "title": "GAIA 工作室",
    "tagline": "一张人像，一段声音，变成会说话的视频。",
    "research": "研究预览版，仅限非商业用途",
    # Tabs
    "tab.speech": "语音",
    "tab.pose": "姿态",
    "tab.text": "文字",
    "tab.video": "视频",
    "tab.live": "实时",
    "tab.compare": "对比",
    "tab.edit": "编辑",
    "tab.about": "说明",
    "intro.speech": "由声音带动嘴唇、眼睛和头部。",
    "intro.pose": "指定头部何时转向哪里；可配语音，也可无声。",
    "intro.text": "用文字描述面部该做什么；可配语音，也可无声。",
    "intro.video": "用另一段视频里的脸来带动人像。",
    "intro.live": "人像即时跟随你的脸，或说出你的话。",
    "intro.compare": "同一张人像、同一段语音，用不同设置并排观看并测量。",
    "intro.edit": "重新渲染其中几秒，其余保持不变。",
    # Portrait
    "portrait.label": "人像",
    "portrait.heading": "### 人像\n清晰、正对镜头的照片，合影也可以。",
    "portrait.upload": "上传",
    # Speech
    "speech.label": "语音",
    "speech.heading": "### 语音\n人像要说的话。",
    "speech.text": "输入文字",
    "speech.upload": "上传",
    "speech.record": "录音",
    "speech.none": "无声",
    "seconds.label": "时长（秒）",
    "seconds.info": "此时视频没有声音。0.5 到 30 秒。",
    "text.label": "文字",
    "text.placeholder": "输入人像要说的话",
    "text.start": "Hello! I am made of a single photograph and one sentence.",
    "voice.label": "嗓音",
    "voice.info": (
        "输入语言或名字即可查找。"
        "在线嗓音会把文字发送给微软的语音服务。"
        "离线嗓音不会外传文字，在服务连不上时也由它代替；它只会读英文。"
    ),
    "voice.offline": "离线",
    "voice.female": "女声",
    "voice.male": "男声",
    "voice.hear": "试听",
    "voice.speaking": "请稍候，正在请这个嗓音打招呼。",
    "sentence.label": "示例句子",
    "sentence.choose": "选择一种语言",
    "trim.label": "剪去语音两端的静音",
    "language.en": "英语",
    "language.de": "德语",
    "language.fr": "法语",
    "language.es": "西班牙语",
    "language.it": "意大利语",
    "language.pt": "葡萄牙语",
    "language.nl": "荷兰语",
    "language.pl": "波兰语",
    "language.sv": "瑞典语",
    "language.uk": "乌克兰语",
    "language.tr": "土耳其语",
    "language.ar": "阿拉伯语",
    "language.hi": "印地语",
    "language.zh": "中文",
    "language.ja": "日语",
    "language.ko": "韩语",
    "upload.label": "录音文件",
    "upload.info": "支持 WAV、MP3、M4A 等，最长两分钟。也可以试试我们的示例：",
    "record.label": "麦克风",
    "record.info": "最长两分钟。浏览器会请求使用麦克风。",
    "watch.label": "边生成边播放",
    "watch.info": "一旦能够连续播放到结尾就开始播放。",
    "watch.held": "一旦能够不停顿地播放到结尾，就开始播放。",
    "watch.waits": "播放器正在等待下一段。",
    # Pose
    "pose.heading": "### 头部与面部\n先添加动作，再到时间轴上微调。",
    "preset.nod": "点头",
    "preset.shake": "摇头",
    "preset.look_left": "向左看",
    "preset.look_right": "向右看",
    "preset.look_up": "向上看",
    "preset.look_down": "向下看",
    "preset.orbit": "转一圈",
    "preset.still": "静止",
    "at.label": "开始于",
    "at.info": "下一个动作开始的秒数。",
    "lasts.label": "时长",
    "lasts.info": "动作的时长（秒）。",
    "keys.of": "{channel} 的关键帧",
    # The timeline
    "line.tools": "时间轴",
    "line.play": "播放",
    "line.pause": "暂停",
    "line.undo": "撤销（Ctrl+Z）",
    "line.redo": "重做（Ctrl+Y）",
    "line.snap": "吸附",
    "line.snap.info": "吸附到字词和帧（0.04 秒）",
    "line.in": "放大（Ctrl+滚轮）",
    "line.out": "缩小",
    "line.fit": "适合宽度",
    "line.loop": "循环播放选段或全部",
    "line.help": "键盘",
    "line.keys.play": "播放和暂停",
    "line.keys.shuttle": "倒放、停止、播放；再按则加快",
    "line.keys.frame": "后退或前进一帧；按住 Shift 则十帧",
    "line.keys.span": "以播放头为选段的开始和结束",
    "line.keys.loop": "循环播放选段或全部",
    "line.keys.fit": "缩放到选段，再按则到全部",
    "line.keys.zoom": "缩放",
    "line.keys.undo": "撤销、重做",
    "line.keys.clipboard": "复制、剪切和粘贴关键帧",
    "line.keys.help": "本列表",
    "line.keys.head": "播放头：按帧、按秒、到开头和结尾",
    "line.keys.move": "关键帧：移动时间和数值；按住 Shift 则十倍",
    "line.keys.exact": "关键帧：输入数值",
    "line.keys.all": "关键帧：全选所在轨道，或取消选择",
    "line.keys.remove": "关键帧：删除",
    "line.keys.words": "字词：到下一个，或选择它；按住 Shift 则选到这里",
    "line.snapped": "已吸附到字词“{word}”的边缘。",
    "line.head": "播放头",
    "line.seconds": "秒",
    "line.sound": "语音",
    "line.clauses": "指令",
    "line.lane": "添加轨道",
    "line.add": "在播放头处为“{lane}”添加关键帧",
    "line.drop": "移除轨道“{lane}”",
    "line.free": "自由",
    "line.group.head": "头部",
    "line.group.eyes": "眼睛",
    "line.group.brows": "眉毛",
    "line.group.mouth": "嘴部",
    "line.group.feelings": "情绪",
    "line.key": "关键帧",
    "line.key.name": "{lane}，{second}，{value}，{easing}",
    "line.several": "{count} 个关键帧",
    "line.second": "秒",
    "line.value": "数值",
    "line.easing": "缓动",
    "line.remove": "删除关键帧（Delete）",
    "line.copied": "已复制 {count} 个；按 Ctrl+V 粘贴到播放头处。",
    "line.clear": "清空",
    "line.empty": "还没有关键帧：选择一个动作，或添加轨道后在其中双击。",
    "line.hint": "双击轨道即可添加关键帧。沿标尺拖动或点击字词可选择一段。",
    "line.hint.text": "指令各部分的时间。沿标尺拖动或点击字词可选择一段。",
    "line.hint.edit": (
        "沿标尺拖动来选择一段，或点击一个字词，再按住 Shift 点击另一个。"
        "也可输入起止秒数，或在播放头处按 [ 和 ]。"
    ),
    "line.word": "选择字词“{word}”；按住 Shift 则选到这里",
    "line.sketch": "播放头处关键帧的预览",
    "line.span": "选段",
    "line.from": "从",
    "line.until": "到",
    "line.edit": "编辑这一段",
    "line.clear_span": "取消选段",
    "line.take": "上一次的结果",
    "line.grip": "拖动即可生成关键帧",
    "line.result": "结果",
    "line.target": "目标",
    "line.json": "JSON",
    "line.json.label": "JSON 形式的控制",
    "line.json.copy": "复制",
    "line.json.copied": "已复制。",
    "line.json.apply": "应用",
    "line.json.close": "关闭",
    "trace.yaw": "转头",
    "trace.pitch": "俯仰",
    "trace.roll": "歪头",
    "trace.x": "左右平移",
    "trace.y": "上下平移",
    "trace.scale": "远近",
    "trace.mouth": "张嘴程度",
    "trace.eyes": "睁眼程度",
    "channel.yaw": "向右转头",
    "channel.pitch": "抬头",
    "channel.roll": "顺时针歪头",
    "channel.x": "右移",
    "channel.y": "上移",
    "channel.scale": "靠近",
    "channel.gaze_x": "视线向右",
    "channel.gaze_y": "视线向上",
    "channel.blink": "闭眼",
    "channel.wink_left": "眨左眼",
    "channel.wink_right": "眨右眼",
    "channel.brows": "扬眉",
    "channel.frown": "皱眉",
    "channel.smile": "微笑",
    "channel.mouth": "张嘴",
    "channel.pucker": "噘嘴",
    "channel.puff": "鼓腮",
    "channel.sad": "悲伤",
    "channel.surprised": "惊讶",
    "channel.angry": "生气",
    "channel.disgusted": "厌恶",
    "channel.afraid": "害怕",
    "easing.ease": "平滑",
    "easing.linear": "线性",
    "easing.hold": "保持",
    "easing.free": "自由",
    "strength.label": "强度",
    "strength.info": "缩放生成的动作：0 为关闭，2 为加倍。",
    "strength.head": "头部",
    "strength.head.info": "转头与点头。",
    "strength.gaze": "视线",
    "strength.gaze.info": "眼睛看向哪里。",
    "strength.blink": "眨眼",
    "strength.blink.info": "眼睑闭合的程度。",
    "strength.brows": "眉毛",
    "strength.brows.info": "扬眉与皱眉。",
    "strength.mouth": "嘴部",
    "strength.mouth.info": "嘴唇动作的幅度。",
    "expression.label": "表情",
    "expression.info": "在整段视频中叠加到生成的动作上。0 表示不加。",
    "expression.smile": "微笑",
    "expression.smile.info": "小于 0 时嘴角下垂。",
    "expression.brows": "眉毛",
    "expression.brows.info": "向上；小于 0 时向下。",
    "expression.mouth": "嘴部",
    "expression.mouth.info": "张开嘴唇。",
    "expression.gaze_x": "左右视线",
    "expression.gaze_x.info": "向您的右边；小于 0 时向左。",
    "expression.gaze_y": "上下视线",
    "expression.gaze_y.info": "向上；小于 0 时向下。",
    # Text
    "instruction.heading": "### 指令\n请用简单的英文书写，最多 500 个字符。",
    "instruction.label": "指令",
    "instruction.placeholder": "Smile, then nod slowly",
    "instruction.example.smile": "Smile, then nod slowly",
    "instruction.example.timed": "[1-2s: raise your brows] [2-4s: look left]",
    "instruction.example.look": "Look a bit sad and tilt your head",
    "understood": "理解为",
    "understood.when": "时间",
    "understood.action": "动作",
    "understood.strength": "强度",
    "understood.words": "原文",
    "understood.time": "{start:.1f} 到 {end:.1f} 秒",
    # Video
    "drive.info": "只有一张脸，开头正对镜头。",
    "drive.head_only": "可选：没有关键帧的地方，头部跟随这段视频。",
    "drive.label": "驱动视频",
    "take.label": "转移的内容",
    "take.info": "全部并使用其声音；除嘴部外全部，以配新语音；或自行选择。",
    "take.reenact": "重演",
    "take.dub": "配音",
    "take.custom": "自选",
    "groups.label": "取自视频的部分",
    "groups.info": "其余由模型生成。",
    "group.pose": "头部",
    "group.eyes": "眼睛",
    "group.brows": "眉毛",
    "group.mouth": "嘴部",
    "group.face": "脸颊与下颌",
    "drive_mode.label": "动作",
    "drive_mode.info": "相对于基准时刻的变化，或照搬视频里的姿态。",
    "drive_mode.relative": "相对",
    "drive_mode.absolute": "绝对",
    "drive_reference.label": "基准时刻（秒）",
    "drive_reference.info": "此刻视频里的脸与人像最相近。",
    # Live; values in braces are filled in by the browser
    "live.heading": "### 实时\n即时进行；除非你选择保留，否则不会留下任何内容。",
    "live.kind": "实时内容",
    "live.mirror": "镜像",
    "live.voice": "说话",
    "live.mirror.info": "人像跟随你在摄像头前的动作。按“开始”时请正视前方并闭上嘴。",
    "live.voice.info": ("人像说出你说的话，晚一两秒。声音默认关闭，以免干扰；戴上耳机时可以打开。"),
    "live.start": "开始",
    "live.recalibrate": "重新校准",
    "live.recalibrate.info": "请正视前方并闭上嘴：从此刻起，你的姿态对应人像的姿态。",
    "live.hear": "播放声音（请戴耳机）",
    "live.keep": "保留这一段",
    "live.keep.info.mirror": "保存视频，以及摄像头的录像，以便用其他尺寸重新制作。",
    "live.keep.info.voice": "保存视频，以及你的录音，以便用其他尺寸重新制作。",
    "live.kept.info": (
        "这是实时画面。用这些设置重新制作时动作会略有不同，因为那时可以预知后面的内容。"
    ),
    "live.saving": "正在保存。",
    "live.film": "实时人像",
    "live.own": "你的摄像头",
    "live.left": "剩余 {time}",
    "live.idle": "你的人像会在这里动起来。",
    "live.idle.hint.mirror": "按“开始”，并允许浏览器使用摄像头。",
    "live.idle.hint.voice": "按“开始”，并允许浏览器使用麦克风。",
    "live.asking.mirror": "浏览器正在询问是否可以使用摄像头。",
    "live.asking.voice": "浏览器正在询问是否可以使用麦克风。",
    "live.waiting": "正在等待引擎。",
    "live.connecting": "正在连接。",
    "live.preparing": "第一帧画面马上就来。",
    "live.time": "你的时间到了。",
    "live.time.hint": "按“开始”可以再来一次。",
    "live.gone": "连接已结束。",
    "live.gone.hint": "按“开始”重新连接。",
    "live.failed": "没有启动。",
    "live.unconnected": "你的浏览器和这台服务器无法建立连接。",
    "live.unconnected.hint": (
        "两者之间的防火墙或 VPN 阻止了 WebRTC。请换一个网络。"
        "服务器的管理者可以添加 TURN 服务器，见 README。"
    ),
    "live.instead": "改为录音，边生成边观看",
    "live.denied.mirror": "浏览器不允许本页使用摄像头。",
    "live.denied.voice": "浏览器不允许本页使用麦克风。",
    "live.denied.hint": "请在地址栏旁允许使用，然后再按“开始”。",
    "live.missing.mirror": "没有找到摄像头。",
    "live.missing.voice": "没有找到麦克风。",
    "live.missing.hint": "请接上设备，然后再按“开始”。",
    "live.busy.mirror": "无法打开摄像头。",
    "live.busy.voice": "无法打开麦克风。",
    "live.busy.hint": "请关闭正在使用它的其他程序，然后再按“开始”。",
    "live.insecure": "浏览器不向本页提供摄像头和麦克风。",
    "live.insecure.hint": "请使用 https，或在本机通过 http://localhost 打开。",
    "live.unsupported": "这个浏览器不支持 WebRTC。",
    "live.unsupported.hint": "请使用新版的 Chrome、Edge、Firefox 或 Safari。",
    # Compare
    "compare.heading": "### 要对比的设置\n几种方案，或两项设置的网格。",
    "compare.info": "留空的项沿用“高级设置”。除非另填，否则共用同一个种子。",
    "compare.way": "对比什么",
    "compare.way.variants": "方案",
    "compare.way.grid": "网格",
    "compare.grid.info": "一项设置的每个取值与另一项的每个取值组合，最多三乘三。",
    "compare.rows": "纵向",
    "compare.columns": "横向",
    "compare.values": "最多三个取值",
    "compare.strength.head": "头部强度",
    "compare.strength.gaze": "视线强度",
    "compare.strength.blink": "眨眼强度",
    "compare.strength.brows": "眉毛强度",
    "compare.strength.mouth": "嘴部强度",
    "compare.base": "动作来自",
    "compare.base.speech": "仅语音",
    "compare.base.pose": "同“姿态”页",
    "compare.base.text": "同“文字”页",
    "compare.base.video": "同“视频”页",
    "compare.instruction": "指令",
    "weights.label": "权重",
    "compare.instructed": "指令",
    "compare.same": "相同",
    "compare.generate": "全部生成",
    "compare.empty": "各个结果会在这里同步播放。",
    "compare.empty.hint": "设定要比较的内容，然后按“全部生成”。",
    "compare.now": "正在生成 {name}，第 {index} 个，共 {count} 个",
    "compare.stopped": "第一个结果完成前已停止。",
    "compare.table": "不同之处",
    "compare.measured": "测量值",
    "compare.equal": "所有方案的设置相同。",
    "compare.none": "–",
    "compare.video": "一段视频",
    "compare.pack": "全部下载",
    "compare.pack.info": "视频、配方和表格打包为一个 zip；用 gaia compare 可重新生成。",
    "compare.wrong": "方案 {name}：{sentence}",
    "compare.error.axis": "请为网格的两个方向选择设置和取值。",
    "compare.error.many": "{setting}：最多给出 {most} 个取值。",
    "compare.error.same": "两个方向是同一项设置，请换一项。",
    "compare.error.folders": "有两个权重文件夹都名为 {name}；请给其中一个改名。",
    "compare.error.weights": "没有名为 {name} 的权重；请从 {names} 中选择。",
    "compare.error.none": "没有勾选任何方案；请至少勾选一个。",
    "compare.field.face": "人脸",
    "compare.field.seed": "种子",
    "compare.field.steps": "步数",
    "compare.field.guidance": "引导强度",
    "compare.field.liveliness": "生动程度",
    "compare.field.size": "画面",
    "compare.field.label": "可见的 AI 标记",
    "compare.field.voice": "嗓音",
    "compare.field.instruction": "指令",
    "compare.field.drive": "驱动视频",
    "compare.field.drive_groups": "取自视频的部分",
    "compare.field.drive_mode": "动作",
    "compare.field.drive_reference": "基准时刻（秒）",
    "compare.field.seconds": "时长（秒）",
    "compare.field.spans": "重新渲染的部分",
    "compare.field.trim": "剪去首尾静音",
    "compare.field.weights": "权重",
    "measure.lips": "嘴唇",
    "measure.lips.info": "动作大小：双唇间距的标准差，占脸高的百分比。",
    "measure.steadiness": "稳定性",
    "measure.steadiness.info": "运动稳定指数（MSI）；越大越平稳。",
    "measure.yaw": "转头",
    "measure.yaw.info": "标准差（度），下面两项同此。",
    "measure.pitch": "点头",
    "measure.pitch.info": "上下。",
    "measure.roll": "歪头",
    "measure.roll.info": "左右。",
    "measure.blinks": "眨眼",
    "measure.blinks.info": "每分钟次数。",
    "measure.took": "生成用时",
    "measure.took.info": "秒。",
    "player.label": "全部结果；空格播放，方向键逐帧，1 到 9 选择声音",
    "player.play": "播放",
    "player.pause": "暂停",
    "player.seek": "位置（秒）",
    "player.speed": "速度",
    "player.sound": "声音",
    # Edit
    "edit.heading": "### 结果\n当前显示的，或从文件打开的。",
    "edit.nothing": "还没有结果。请先在其他页生成，或打开一个文件。",
    "edit.spans": "重新渲染的部分",
    "edit.span": "{start:g} 到 {end:g} 秒",
    "edit.source": "已从 {name} 打开：请在时间轴上选择一段并重新渲染。其设置已恢复到其他页。",
    "edit.missing": "文件里不含素材。请先在其他页重新选择：{media}。",
    "open.label": "MP4 或配方",
    "open.info": "把这里生成的视频或配方拖到此处，即可打开并编辑。",
    "span_seed.label": "选段的种子",
    "span_seed.info": "换一个种子就是另一种动作。",
    "controlled.label": "在这里使用“姿态”页的关键帧和强度",
    "controlled.info": "其秒数从整段视频的开头算起。",
    "media.portrait": "人像",
    "media.speech": "录音",
    "media.drive": "驱动视频",
    "media.recipe": "文件",
    "media.take": "视频",
    "and": "和",
    # Settings
    "settings.label": "高级设置",
    "seed.label": "种子",
    "seed.info": "种子和设置相同，视频就相同。",
    "random.label": "每次换新种子",
    "random.info": "关闭则保留旁边的种子。",
    "steps.label": "步数",
    "steps.info": "越多越慢，也稍微更细致。",
    "guidance.label": "引导强度",
    "guidance.info": "动作贴合语音的程度。1 为中性。",
    "liveliness.label": "生动程度",
    "liveliness.info": "头部、眉毛和目光的活动幅度。0 像沉稳的新闻主播。",
    "size.label": "画面",
    "size.info": "整张照片的原始分辨率（最大 2048 像素），或只取面部裁切。",
    "size.photo": "整张照片",
    "size.512": "裁切 512 像素",
    "size.256": "裁切 256 像素",
    "face.label": "人脸",
    "face.name": "第 {number} 张脸，共 {count} 张",
    "face.name.problem": "第 {number} 张脸，共 {count} 张，无法驱动",
    "face.crop": "会动的部分",
    "face.one": "这一部分会动。",
    "face.photo": "整张照片",
    "face.many": "共 {count} 张脸，已选第 {chosen} 张。点击其他脸可更换。",
    "label.label": "可见的 AI 标记",
    "label.info": "角落里的小标记。在上传处确认您拥有权利后可以关闭。",
    "consent.label": "我有权使用这些面孔和声音",
    "consent.info": "使用自己的照片、录音或视频时确认一次。",
    "consent.missing": "请先勾选此项，然后再按按钮。",
    "presets": "预设",
    "presets.label": "名称",
    "presets.info": "输入名称并保存：只存在这个浏览器里，只含设置。",
    "presets.save": "保存",
    "presets.saved": "已保存为“{name}”。",
    "presets.delete": "删除",
    # Actions
    "generate": "生成",
    "rerender": "重新渲染这一段",
    "stop": "停止",
    "estimate.cpu": "在这台服务器的 CPU 上约需 {time}，视频长 {length}。",
    "estimate.gpu": "约需 {time} 的 GPU 时间，视频长 {length}。",
    "estimate.seconds": "{count} 秒",
    "estimate.minutes": "{count} 分钟",
    "estimate.left": "约剩 {time}",
    "queue.ready": "约 {time} 后完成",
    "queue.place": "排在第 {number} 位，共 {size} 位",
    # Result
    "result.label": "视频",
    "result.empty": "您的视频会出现在这里。",
    "result.empty.hint": "示例已备好：按“生成”。",
    "result.waiting": "正在排队",
    "result.recipe": "已打开一份配方；它的视频不在这里。",
    "result.recipe.hint": "点击“生成”可重新制作。在“编辑”页可重新渲染其中一段。",
    "result.stopped": "已停止。",
    "result.stopped.hint": "没有保存任何内容，您的输入没有变。",
    "result.failed": "未能生成视频。",
    "result.failed.hint": "您的输入没有变。",
    "result.example": "示例：由角落里的照片和一句话生成。",
    "result.example.photo": "所用的照片",
    "result.example.sound": "声音",
    "result.preview": "最新的一帧",
    "fact.seed": "种子",
    "fact.length": "时长",
    "fact.seconds": "{seconds:.1f} 秒",
    "fact.label": "AI 生成",
    "fact.label.visible": "画面和文件中均有标记",
    "fact.label.hidden": "文件中有标记",
    "recipe.label": "配方",
    "recipe.info": "重现这段视频所需的全部设置；素材只以指纹表示。",
    "recipe.download": "下载配方",
    "recipe.reuse": "沿用这些设置",
    "download.gif": "GIF",
    "download.vtt": "字幕",
    "download.poster": "封面帧",
    "download.webm": "透明 WebM",
    "download.making": "正在制作",
    "download.file": "下载",
    "code.label": "Python 代码",
    "history.heading": "### 本次会话",
    "history.take": "显示{name}，{facts}",
    "history.apply": "沿用它的设置",
    "history.apply.name": "沿用{name}的设置",
    "history.delete": "删除",
    "history.deleted": "已删除：{name}",
    "history.undo": "撤销",
    "history.delete.name": "删除{name}",
    "take.name": "{mode}：{asked}",
    "forget": "立即删除我的数据",
    "forget.info": "上传的文件和结果会马上删除。否则约一小时后删除。",
    "stage.start": "正在开始",
    "stage.voice": "正在准备语音",
    "stage.face": "正在寻找人脸",
    "stage.speech": "正在分析语音",
    "stage.motion": "正在生成动作",
    "stage.frames": "正在渲染画面",
    "stage.file": "正在写入视频",
    # Sentences for a toast
    "error.title": "请检查",
    "error.title.unexpected": "抱歉",
    "error.unexpected": "我们这边出了问题；请再试一次，或换一张人像。",
    "error.portrait": "没有人像；请上传照片或选择示例。",
    "error.upload": "没有录音文件；请上传一个，或换一种方式提供语音。",
    "error.record": "没有录音；请录一段，或换一种方式提供语音。",
    "error.text": "没有文字；请输入人像要说的话。",
    "error.source": "请选择提供语音的方式：输入文字、上传或录音。",
    "error.mode": "请先选择一个页签。",
    "error.instruction": "没有指令；请写下面部该做什么。",
    "error.drive": "没有驱动视频；请上传一个。",
    "error.dub": "配音需要语音：请输入、上传或录制，或选择“重演”。",
    "error.keys": "无法读取关键帧；请清空后重新添加。",
    "error.groups": "部分必须是名称列表，例如 pose 和 eyes。",
    "error.controls": "控制必须是含有 tracks 和 strength 的 JSON 对象。",
    "error.preset": "请为预设起一个不超过 {count} 个字符的名称。",
    "error.presets": "最多保存 {count} 个预设；请先删除一个。",
    "error.recipe": "这不是 GAIA 的配方；请使用结果附带的配方。",
    "error.nothing": "没有可编辑的结果；请先在其他页生成，或打开一个文件。",
    "error.span": "还没有选段；请沿时间轴的标尺拖动，点击一个字词，或输入秒数。",
    "error.media": "这个结果用的是别的素材；请在当初生成它的页上重新选择它的{media}。",
    "error.gone": "{field}已不在服务器上；请重新提供。",
    "error.file": "{field}必须是上传的文件。",
    "error.offer": "无法读取浏览器的连接信息；请刷新页面，再按“开始”。",
    "error.consent": (
        "请确认您有权使用这些面孔和声音：勾选上传旁的方框（程序中：consent=True），或选择示例。"
    ),
    "error.label": "只有确认您有权使用这些面孔和声音后，才能关闭可见标记。",
    "error.whole": "{field} 必须是整数。",
    "error.number": "{field} 必须是数字。",
    "error.switch": "{field} 必须是 true 或 false。",
    "error.string": "{field} 必须是文字。",
    "about": """
## 这是什么

GAIA 把一张人像和一段语音变成这张脸说话的视频。第一个网络把“长什么样”和“怎么动”分开，\
第二个网络根据语音生成动作：嘴唇、眨眼、视线和头部。

有四种方式可以控制它，并且都能与语音结合：头部和面部的关键帧（**姿态**）、一句话（**文字**）、\
另一段视频（**视频**），以及重新渲染其中几秒（**编辑**）。只使用当前页上的设置。\
左右以您（观看者）为准；只有单眼眨眼指的是人物自己的左右眼。

## 局限

- 一张清晰、光线均匀、看向镜头的脸效果最好。侧脸、手挡在嘴前、浓密的胡须和强烈的阴影会更难。
- 牙齿和照片里看不到的部分由模型合成。
- 对英语语音最熟悉。其他语言也能带动嘴唇，但没那么准确。
- 每次语音最长两分钟，无语音时最长 30 秒。
- 指令由一个只懂面部的小模型来读，只懂英文。它理解成什么会显示出来；方括号里的时间是精确的。
- 驱动视频里应只有一张脸，前面没有手或头发。大幅转头会比视频里弱一些。
- 大幅的头部动作和强烈的表情会损失相似度和清晰度。

## 您的责任

只为同意的人或您自己制作视频；驱动视频里的人也一样。不要欺骗、骚扰或冒充他人。\
示例可以自由使用：NASA 和美国海军的人像属于公有领域。

## AI 标记

每段视频都在文件元数据里注明由 AI 生成，并带有自己的配方。默认还有可见标记。\
网站重新编码视频时元数据会丢失：它是标记，不是证明。

## 隐私

- 您的照片、录音和视频在这台服务器上保留约一小时，随后删除。它们不作他用，也不会展示给其他访问者。
- 您输入和设置的内容由您的浏览器保存到关闭标签页为止，因此刷新页面不会丢失。
- 结果下方的*立即删除我的数据*会马上把两者都删除。
- 它们的地址无法猜到，但拿到视频地址的人可以打开它。
- 在“实时”页，摄像头画面和麦克风声音会传到这台服务器；如果不按“保留这一段”，最迟五分钟后丢弃。
- 在线嗓音会通过 `edge-tts` 把您的文字发送给微软的语音服务。离线嗓音不会；上传和录音也不会。

## 许可

权重使用研究数据训练，**仅限非商业研究**使用；随附的模型卡列出了数据来源。\
示例的来源和许可见 `examples/README.md`。

## 供程序调用

端点 `/speech_driven`、`/pose_controlled`、`/text_instructed`、`/video_driven` 和 `/rerender_span`\
生成同样的视频，`/faces` 找出照片里的人脸：见页面底部的*通过 API 或 MCP 使用*和 `examples/`。\
每个结果的配方都附有能重新生成它的 Python。
""",
}

# Messages of `gaia_core`, by their template.
MESSAGES: dict[str, str] = {
    # The run
    "The disk is full; free some space on it, then try again.": "磁盘已满；请腾出空间后再试。",
    "{first} {next}": "{first}{next}",
    "No GPU was free for this visit, so the video was made on the CPU.": (
        "此刻没有可用的 GPU，视频改在 CPU 上生成。"
    ),
    # The photo
    "No face was found; use a photo that shows a face from the front, at least {least} px wide.": (
        "没有找到人脸；请使用正面照片，脸至少宽 {least} 像素。"
    ),
    "The photo shows no face {index}; choose {choice}.": (
        "照片里没有第 {index} 号脸；请选择{choice}。"
    ),
    "The face is only {width:.0f} px wide; use a photo in which it is at least {least} px wide.": (
        "脸只有 {width:.0f} 像素宽；请使用脸至少宽 {least} 像素的照片。"
    ),
    "The face is cut off by the photo's edge; use a photo that shows it whole.": (
        "脸被照片边缘切掉了；请使用露出整张脸的照片。"
    ),
    "The head is tilted by {angle:.0f} degrees; turn the photo upright.": (
        "头倾斜了 {angle:.0f} 度；请把照片转正。"
    ),
    "The face is turned away too far; use a photo that looks at the camera.": (
        "脸转得太偏；请使用看向镜头的照片。"
    ),
    "The photo was turned by {degrees} degrees clockwise, so that the face is upright.": (
        "照片已顺时针旋转 {degrees} 度，使脸正立。"
    ),
    "0, the only face": "唯一的脸 0",
    "a face from 0 to {last}": "0 到 {last} 号脸",
    "The photo shows {count} faces and one of them moves; crop the photo or choose the "
    "face if it should be another.": (
        "照片里有 {count} 张脸，只有一张会动；如要换一张，请裁剪照片或另选人脸。"
    ),
    "The face is only {width:.0f} px wide, so the video will look soft; use a photo in "
    "which it is at least {least} px wide.": (
        "脸只有 {width:.0f} 像素宽，视频会显得模糊；请使用脸至少宽 {least} 像素的照片。"
    ),
    "The head is turned by about {angle:.0f} degrees, so its hidden side may smear; use "
    "a photo that looks at the camera.": (
        "头转了约 {angle:.0f} 度，被挡住的一侧可能会糊；请使用看向镜头的照片。"
    ),
    "Part of the face is cut off by the photo's border and will not move well; use a "
    "photo that shows the whole head.": (
        "脸的一部分超出了照片边缘，动起来不自然；请使用露出整个头部的照片。"
    ),
    "The mouth is wide open, so it may smear when it closes; use a photo with closed lips.": (
        "嘴张得很大，闭合时可能会糊；请使用闭着嘴的照片。"
    ),
    "The eyes are closed, so what they look like open is made up; use a photo with open eyes.": (
        "眼睛闭着，睁开的样子只能靠猜；请使用睁着眼的照片。"
    ),
    "The mouth seems to be covered, so what covers it will move like lips; use a photo in which "
    "mouth and chin are bare.": (
        "嘴似乎被遮住了，遮挡物会像嘴唇一样动；请使用露出嘴和下巴的照片。"
    ),
    "The eyes seem to be behind dark glasses, which will hide how they move; use a photo without "
    "them.": ("眼睛似乎被深色眼镜遮住了，看不到眼睛的动作；请使用不戴墨镜的照片。"),
    "The face is in the dark, so grain will move with it; use a photo in brighter light.": (
        "脸部太暗，噪点会跟着动；请使用光线更亮的照片。"
    ),
    "The lips are parted, so teeth that show may smear in speech; use a photo with closed lips.": (
        "嘴唇微张，露出的牙齿在说话时可能会糊；请使用闭着嘴的照片。"
    ),
    "The face has little contrast, so it may be read wrongly; use a photo in clearer light.": (
        "脸部对比度太低，可能会读错；请使用光线更清楚的照片。"
    ),
    # Files
    "a recording, for example WAV, MP3 or M4A": "一段录音，例如 WAV、MP3 或 M4A",
    "{name} holds samples that are no sound (not a number, or far over full scale); "
    "export it again as 16-bit WAV.": (
        "{name} 含有不是声音的采样（非数值，或远超满幅）；请重新导出为 16 位 WAV。"
    ),
    "Nothing is heard in {name}, so the lips hardly move; check the recording.": (
        "{name} 里听不到声音，所以嘴唇几乎不动；请检查录音。"
    ),
    "The channels of {name} cancel each other, so only the {side} one is used.": (
        "{name} 的两个声道互相抵消，所以只用了{side}声道。"
    ),
    "left": "左",
    "right": "右",
    "Sound track 1 of {name} is silent, so track {track} is used.": (
        "{name} 的第 1 条音轨没有声音，所以用了第 {track} 条。"
    ),
    "{name} has no sound; give a file with speech in it.": (
        "{name} 没有声音；请提供有语音的文件。"
    ),
    "{name} cannot be read as audio; save it as WAV or MP3 and try again.": (
        "无法读取音频 {name}；请另存为 WAV 或 MP3 再试。"
    ),
    "{name} holds {seconds:.2f} s of sound; give at least {least} s.": (
        "{name} 只有 {seconds:.2f} 秒声音；请至少提供 {least} 秒。"
    ),
    "{name} is too long; cut it to at most {most:g} s.": "{name} 太长；请剪到 {most:g} 秒以内。",
    "A WebM needs a portrait with transparency; give such a PNG.": (
        "WebM 需要带透明背景的人像；请提供这样的 PNG。"
    ),
    "Subtitles need the times of words; type what shall be said.": (
        "字幕需要每个词的时间；请用输入文字的方式给出语音。"
    ),
    "{name} is an address in the web; download the file and give {wanted}.": (
        "{name} 是网址；请先下载文件，再提供{wanted}。"
    ),
    "{name} is a folder; give {wanted}.": "{name} 是文件夹；请提供{wanted}。",
    "There is no file {name}; give {wanted}.": "没有文件 {name}；请提供{wanted}。",
    "{name} is empty; give {wanted}.": "{name} 是空文件；请提供{wanted}。",
    "a JPEG or PNG photo": "一张 JPEG 或 PNG 照片",
    "{name} has more than {most} megapixels; reduce it and try again.": (
        "{name} 超过 {most} 百万像素；请缩小后再试。"
    ),
    "{name} cannot be read as an image; save it as JPEG or PNG and try again.": (
        "无法读取图片 {name}；请另存为 JPEG 或 PNG 再试。"
    ),
    "a video, for example MP4": "一段视频，例如 MP4",
    "{name} cannot be read as a video; save it as MP4 (H.264) and try again.": (
        "无法读取视频 {name}；请另存为 MP4（H.264）再试。"
    ),
    "an MP4 made with GAIA, or its recipe as JSON": "一个用 GAIA 生成的 MP4 或其 JSON 配方",
    "{name} carries no recipe; give an MP4 made with GAIA, or its recipe as JSON.": (
        "{name} 不含配方；请提供用 GAIA 生成的 MP4 或其 JSON 配方。"
    ),
    # The driving video
    "The driving video shows no face in its first 2 seconds; trim it.": (
        "驱动视频的前 2 秒没有人脸；请剪掉开头。"
    ),
    "The driving video's face is hidden in {share:.0%} of its frames; choose a video in "
    "which it stays in view.": (
        "驱动视频有 {share:.0%} 的画面看不到脸；请换一段脸一直可见的视频。"
    ),
    "The driving video has a cut at {second:.1f} s; choose one shot of it.": (
        "驱动视频在 {second:.1f} 秒处有切换；请只取一个镜头。"
    ),
    "The driving video is longer than {most:g} s; trim it.": "驱动视频超过 {most:g} 秒；请剪短。",
    # Voice
    "The offline voice reads English only; write English, or give a recording.": (
        "离线嗓音只会读英文；请写英文，或提供录音。"
    ),
    "The offline voice reads English only, and {reason}; write English, or give a recording.": (
        "离线嗓音只会读英文，而{reason}；请写英文，或提供录音。"
    ),
    "female": "女",
    "male": "男",
    "It reads English only and left out: {parts}.": "它只会读英语，没有读出：{parts}。",
    "It reads English only and left out: {parts} and {more} more.": (
        "它只会读英语，没有读出：{parts} 等，另有 {more} 处。"
    ),
    "It reads English only: text in another language sounds wrong.": (
        "它只会读英文：其他语言的文字听起来不对。"
    ),
    "The offline voice is damaged; install hibari-tts==0.2.1 again.": (
        "离线嗓音已损坏；请重新安装 hibari-tts==0.2.1。"
    ),
    "The offline voice finds no word to speak; write it in English.": (
        "离线嗓音找不到可读的词；请用英文书写。"
    ),
    "The offline {gender} voice spoke instead of {name}, because {reason}.": (
        "改由离线{gender}声代替 {name}，因为{reason}。"
    ),
    "The offline {gender} voice with an American accent spoke instead of {name}, because "
    "{reason}.": "改由美式口音的离线{gender}声代替 {name}，因为{reason}。",
    "the network is off": "网络已关闭",
    "the speech service could not be reached": "连不上语音服务",
    "The text takes {seconds:.0f} s to speak; shorten it to at most {most:g} s.": (
        "这段文字要读 {seconds:.0f} 秒；请缩短到 {most:g} 秒以内。"
    ),
    "The text is empty; write what should be said.": "文字为空；请写下要说的话。",
    "The text has no letter or digit to speak; write at least one word.": (
        "文字里没有可读的内容；请至少写一个词。"
    ),
    "There is no voice {name!r}; the nearest are {near}.": "没有嗓音 {name!r}；最接近的是 {near}。",
    # Instruction
    "Ask for expressions (smile, laugh, sad, surprised, angry, disgusted, afraid, "
    "relaxed), for mouth, cheeks, brows and eyes (open the mouth, pucker, puff the "
    "cheeks, raise the brows, frown, close the eyes, blink, wink, look left), or for "
    "head movements (nod, shake, turn, tilt, lean in, keep still), with “slightly” or "
    "“very”, one after another by “then” or at times as in [1-2s: smile]. Left and right "
    "are as you see them; only a wink is of the person's own left or right eye.": (
        "请用英文写表情（smile、laugh、sad、surprised、angry、disgusted、afraid、"
        "relaxed），嘴、腮、眉、眼的动作（open the mouth、pucker、puff the cheeks、"
        "raise the brows、frown、close the eyes、blink、wink、look left），"
        "或头部动作（nod、shake、turn、tilt、lean in、keep still）；"
        "程度用 slightly 或 very，先后用 then 连接，时间写成 [1-2s: smile]。"
        "左右以您所见为准；只有单眼眨眼指人物自己的左右眼。"
    ),
    "The instruction asks for nothing that this face can do. {help}": (
        "指令里没有这张脸能做的动作。{help}"
    ),
    "There is no time for {clauses} in the take of {seconds:g} s.": (
        "{seconds:g} 秒的视频里没有时间做{clauses}。"
    ),
    "Nothing was found that this face can do for {clauses}.": "{clauses}里没有这张脸能做的动作。",
    "Square brackets hold a time span; write it as [1-2s: smile].": (
        "方括号里写的是时间段；请写成 [1-2s: smile] 这样。"
    ),
    "“{text}” is to last from {start:g} s to {end:g} s; let it end after it starts.": (
        "“{text}”要从 {start:g} 秒到 {end:g} 秒；请让它先开始后结束。"
    ),
    # Settings
    "A keyframe of {name!r} is not [second, value, easing]; correct it.": (
        "{name!r} 有一个关键帧不是 [秒, 值, 缓动] 的形式；请更正。"
    ),
    'Controls look like {{"tracks": {{"yaw": [[0, 0, "ease"], [1, 20]]}}, "strength": {{}}}}': (
        '控制的形式如 {{"tracks": {{"yaw": [[0, 0, "ease"], [1, 20]]}}, "strength": {{}}}}'
    ),
    "There is no channel {name!r}; choose {names}.": "没有通道 {name!r}；可选：{names}。",
    "Track {name!r} needs 1 to {most} keyframes; correct it.": (
        "轨道 {name!r} 需要 1 到 {most} 个关键帧；请更正。"
    ),
    "Keyframe {index} of {name!r}": "{name!r} 的第 {index} 个关键帧",
    "{form}; correct them.": "{form}；请更正。",
    "A strength is not a number. {form}.": "有一个强度不是数字。{form}。",
    "{where} is at {second} s; choose 0 to {most:g} s.": (
        "{where}在 {second} 秒；请取 0 到 {most:g} 秒。"
    ),
    "{where} is {value}; choose from {low:g} to {high:g}.": (
        "{where}为 {value}；请取 {low:g} 到 {high:g}。"
    ),
    "{where} eases by {easing!r}; choose {names}.": "{where}的缓动为 {easing!r}；可选：{names}。",
    "{where} is not later than the one before; put them in order of time.": (
        "{where}不比前一个晚；请按时间排列。"
    ),
    "There is no strength {name!r}; choose {names}.": "没有强度 {name!r}；可选：{names}。",
    "Strength {name!r} is {value}; choose 0 to {most:g}.": (
        "强度 {name!r} 为 {value}；请取 0 到 {most:g}。"
    ),
    "Track {name!r} is not a list of keyframes. {form}.": (
        "轨道 {name!r} 不是关键帧列表。{form}。"
    ),
    "The span from {start:g} to {end:g} s ends after the take, which lasts {length:.1f} "
    "s; choose an earlier end.": (
        "{start:g} 到 {end:g} 秒超出了视频，视频只有 {length:.1f} 秒；请选更早的结束时间。"
    ),
    "The recipe's field 'spans' has the wrong type; correct it.": (
        "配方的字段 'spans' 类型不对；请更正。"
    ),
    "Give either a speech recording or a text to speak, not both.": (
        "请只提供录音或要读的文字之一，不要两者都给。"
    ),
    "Give a speech recording, a text to speak, a driving video, controls or an instruction.": (
        "请提供录音、要读的文字、驱动视频、控制或指令。"
    ),
    "Choose at least one group to take from the driving video.": (
        "请至少选择一个取自驱动视频的部分。"
    ),
    "A take can have at most {most} re-rendered spans.": "一个结果最多可以重新渲染 {most} 段。",
    "This is not a recipe of version {version}.": "这不是第 {version} 版的配方。",
    "The recipe's media are not sha256 of files; correct them.": (
        "配方里的媒体不是文件的 sha256；请更正。"
    ),
    "There is no group {name!r} to drive; choose {names}.": (
        "没有可驱动的部分 {name!r}；可选：{names}。"
    ),
    "The span from {start:g} to {end:g} s is not inside a take; choose a start before its end.": (
        "{start:g} 到 {end:g} 秒不在视频之内；请让开始早于结束。"
    ),
    "The recipe has an unknown field {name!r}; remove it.": (
        "配方里有未知的字段 {name!r}；请删除。"
    ),
    "The recipe's field {name!r} has the wrong type; correct it.": (
        "配方的字段 {name!r} 类型不对；请更正。"
    ),
    "{name} is {value}; choose a value from {low} to {high}.": (
        "{name}为 {value}；请取 {low} 到 {high} 之间的值。"
    ),
    "The {name} has {count} characters; shorten it to at most {most}.": (
        "{name}有 {count} 个字符；请缩短到 {most} 个以内。"
    ),
    "{label} is {value!r}; choose one of {names}.": "{label}为 {value!r}；可选：{names}。",
    "Seconds": "时长",
    "Drive_reference": "静止时刻",
    "Face": "人脸编号",
    "Seed": "种子",
    "Steps": "步数",
    "Guidance": "引导强度",
    "Liveliness": "生动程度",
    "text": "文字",
    "instruction": "指令",
    "Drive mode": "动作方式",
    "Size": "画面",
    # Weights and model files
    "The model file {file} is missing or damaged; install {name} again.": (
        "模型文件 {file} 缺失或损坏；请重新安装 {name}。"
    ),
    "The model file {path} is missing; restore it from the project.": (
        "缺少模型文件 {path}；请从项目中恢复。"
    ),
    "The weights file {path} is not the one that {sums} tells of; restore both from the project.": (
        "权重文件 {path} 与 {sums} 不符；请从项目中恢复两者。"
    ),
    "{path} is damaged or of another version; restore it from the project.": (
        "{path} 损坏或版本不符；请从项目中恢复。"
    ),
    "There is no correction {names}; choose of {choices}.": "没有校正 {names}；可选：{choices}。",
    "{path} is of another version; restore it from the project.": (
        "{path} 版本不符；请从项目中恢复。"
    ),
    "There are no trained weights in {folder}; check out the `weights` folder of the "
    "project or train them as docs/training.md tells.": (
        "{folder} 中没有训练好的权重；请取得项目的 `weights` 文件夹，或按 docs/training.md 训练。"
    ),
    "The weights in {folder} have no {name}; train it as docs/training.md tells.": (
        "{folder} 的权重中没有 {name}；请按 docs/training.md 训练。"
    ),
    "The weights file {path} is missing; restore it from the project.": (
        "缺少权重文件 {path}；请从项目中恢复。"
    ),
    "{path} is missing or damaged; restore it from the project.": (
        "{path} 缺失或损坏；请从项目中恢复。"
    ),
    "{path} is damaged; restore it from the project.": "{path} 已损坏；请从项目中恢复。",
    "The weights file {path} is damaged or of another size than config.json tells; "
    "restore both from the project.": (
        "权重文件 {path} 损坏，或大小与 config.json 不符；请从项目中恢复两者。"
    ),
    "The weights file {path} is damaged or for other actions; restore it from the "
    "project or train it as docs/training.md tells.": (
        "权重文件 {path} 损坏或用于其他动作；请从项目中恢复，或按 docs/training.md 训练。"
    ),
    "The weights file {path} is missing or damaged; restore it from the project.": (
        "权重文件 {path} 缺失或损坏；请从项目中恢复。"
    ),
    # Actions of instructions
    "smile": "微笑",
    "laugh": "大笑",
    "sad": "悲伤",
    "surprised": "惊讶",
    "angry": "生气",
    "disgusted": "厌恶",
    "afraid": "害怕",
    "neutral": "平静",
    "open mouth": "张嘴",
    "close eyes": "闭眼",
    "wink left eye": "眨左眼",
    "wink right eye": "眨右眼",
    "blink": "眨眼",
    "raise brows": "扬眉",
    "frown": "皱眉",
    "pucker": "噘嘴",
    "puff cheeks": "鼓腮",
    "glance left": "瞥向左",
    "glance right": "瞥向右",
    "glance up": "瞥向上",
    "glance down": "瞥向下",
    "roll eyes": "翻白眼",
    "look around": "环顾",
    "look ahead": "看前方",
    "turn left": "向左转头",
    "turn right": "向右转头",
    "head up": "抬头",
    "head down": "低头",
    "nod": "点头",
    "shake head": "摇头",
    "tilt left": "向左歪头",
    "tilt right": "向右歪头",
    "lean in": "凑近",
    "lean back": "后仰",
    "still": "静止",
}
